import { randomBytes } from "node:crypto";
import type { Client, Context, SessionInfo, TranscriptEntry } from "@plinth/sdk";
import type { SessionChoices } from "./session-choices.ts";

type Store = Client<"plinth.session-store">;
type Exported = { type: "session"; session: SessionInfo } | { type: "entry"; entry: TranscriptEntry };

/** Of one piece of a file, in bytes. */
const PIECE = 1_500_000;

/** A branch goes on with the model, and whatever else was chosen, of what it comes from. @param asked without `to` it gets a key of its own */
export async function forkSession(
  ctx: Context,
  choices: SessionChoices,
  asked: { key: string; to?: string; at?: string; title?: string },
): Promise<{ session: SessionInfo }> {
  const { to = `fork-${new Date(ctx.clock.now()).toISOString().slice(0, 10)}-${randomBytes(3).toString("hex")}`, ...rest } = asked;
  const chosen = await choices.of(asked.key);
  const forked = await ctx
    .use("plinth.session-store")
    .one()
    .fork({ ...rest, to });
  if (Object.keys(chosen).length > 0) await choices.set(to, chosen);
  return forked;
}

/** Delete what has not changed for so long, or say what that would be. Nothing that was chosen for a conversation outlives it. */
export async function cleanUp(
  store: Store,
  choices: SessionChoices,
  asked: Parameters<Store["prune"]>[0],
): Promise<{ keys: string[]; bytes: number }> {
  const pruned = await store.prune(asked);
  if (asked.dryRun !== true) for (const key of pruned.keys) await choices.forget(key);
  return pruned;
}

/** A session as JSONL, in pieces of bytes. */
export async function* exportedBytes(items: AsyncIterable<Exported>): AsyncGenerator<Buffer> {
  let held: Buffer[] = [];
  let size = 0;
  for await (const item of items) {
    const line = Buffer.from(`${JSON.stringify(item)}\n`);
    held.push(line);
    size += line.length;
    while (size >= PIECE) {
      const all = Buffer.concat(held);
      yield all.subarray(0, PIECE);
      held = [all.subarray(PIECE)];
      size -= PIECE;
    }
  }
  yield Buffer.concat(held);
}
