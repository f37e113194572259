import type { Client } from "@plinth/sdk";

const PAGE = 200;

/** The last entry before the turn that asks: what that turn is about to do is not the child's. Undefined: nothing was said before. */
export async function conversationBefore(store: Client<"plinth.session-store">, key: string, runId: string | undefined): Promise<string | undefined> {
  for (let before: string | undefined; ; ) {
    const { entries } = await store.history({ key, limit: PAGE, ...(before === undefined ? {} : { before }) });
    const found = entries.findLast((entry) => runId === undefined || entry.runId !== runId);
    if (found !== undefined || entries.length < PAGE) return found?.id;
    before = entries[0]?.id;
  }
}
