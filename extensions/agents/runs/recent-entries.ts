import type { Client, TranscriptEntry } from "@plinth/sdk";

/** How far back the last summary is looked for, where a turn that called many tools pushed it out of what is read. */
const FARTHER = 4;

/** The last entries of a session, about `limit`, and as far as its last summary, so that what it stands for is not lost. */
export async function recentEntries(
  store: Pick<Client<"plinth.session-store">, "history">,
  key: string,
  limit: number,
): Promise<{ entries: TranscriptEntry[] }> {
  const read = await store.history({ key, limit, opaque: true });
  const [oldest] = read.entries;
  if (oldest === undefined || oldest.parent === null || read.entries.some(isSummary)) return read;
  const farther = await store.history({ key, limit: Math.min(limit * FARTHER, 10_000), opaque: true });
  return farther.entries.some(isSummary) ? farther : read;
}

const isSummary = ({ body }: TranscriptEntry): boolean => body.kind === "compaction";
