import { type Context, type MessageOrigin, originLine, PlinthError, type Provider, type ToolResult, toolResultsOf, type Work } from "@plinth/sdk";
import { resultText } from "@plinth/sdk/kits/conversation";

type Ctx = Pick<Context, "use" | "lower">;
type Input = Parameters<Provider<"plinth.tool">["call"]>[0];
type Hit = { at: number; excerpt: string; by?: string; origin?: MessageOrigin };

const MOST_HITS = 8;
const MOST_CHARS = 4_000;
const PAGE = 500;
/** So far back a result is looked for. */
const MOST_ENTRIES = 20_000;
const MOST_WORDS = 6;

/** What was said earlier in the conversation of the call, and in no other. Whoever had a hand in what is found has one in the turn from here on. */
export async function recall(ctx: Ctx, { args, sessionKey }: Input, work: Work | undefined): Promise<ToolResult> {
  const within = work?.principal.scope?.session;
  if (sessionKey === undefined || (within !== undefined && within !== sessionKey)) {
    throw new PlinthError("PLINTH_PERMISSION", "A conversation is searched in a turn of its own.", { next: "Call it in a turn." });
  }
  if (typeof args.call === "string") return resultOf(ctx, sessionKey, args as { call: string });
  if (typeof args.words === "string") return find(ctx, sessionKey, args.words);
  throw new PlinthError("PLINTH_TOOL_INPUT", "Neither words nor a call are given.", { next: "Give one of them." });
}

async function find(ctx: Ctx, key: string, words: string): Promise<ToolResult> {
  const store = ctx.use("plinth.session-store").one();
  const search = async (text: string): Promise<Hit[]> => (await store.search({ text, key, limit: MOST_HITS })).hits;
  let hits = await search(words);
  if (hits.length === 0) {
    // Not all of the words were said together: the longest say most.
    const each = [...new Set(words.match(/[\p{L}\p{N}_]{3,}/gu) ?? [])].sort((a, b) => b.length - a.length).slice(0, MOST_WORDS);
    for (const word of each) hits.push(...(await search(word)));
    hits = [...new Map(hits.map((hit) => [`${hit.at} ${hit.excerpt}`, hit])).values()].slice(0, MOST_HITS);
  }
  if (hits.length === 0) return said("Nothing of that was said in this conversation. Try other words.", false);
  const lines: string[] = [];
  let outside = false;
  for (const { at, excerpt, by = "somebody", origin } of hits) {
    outside = (await heard(ctx, origin)) || outside;
    const mark = by === "user" && origin !== undefined ? originLine({ role: "user", content: [], origin }).trimEnd() : "";
    lines.push(`- ${new Date(at).toISOString().slice(0, 16)} ${by}${mark === "" ? "" : ` ${mark}`}: ${excerpt}`);
  }
  return said(`Said earlier, best first:\n${lines.join("\n")}`, outside);
}

async function resultOf(ctx: Ctx, key: string, { call, of, offset = 0 }: { call: string; of?: number; offset?: number }): Promise<ToolResult> {
  const store = ctx.use("plinth.session-store").one();
  let before: string | undefined;
  for (let looked = 0; looked < MOST_ENTRIES; looked += PAGE) {
    const { entries } = await store.history({ key, limit: PAGE, ...(before === undefined ? {} : { before }) });
    for (const { body, origin } of [...entries].reverse()) {
      const part = body.kind === "message" ? toolResultsOf(body.message.content).find(({ callId }) => callId === call) : undefined;
      if (part === undefined) continue;
      const text = resultText(part);
      // The newest of that name may be another turn's.
      if (of !== undefined && text.length !== of) continue;
      const outside = (await heard(ctx, origin)) || part.from !== undefined;
      if (part.from !== undefined) await ctx.lower(part.from, "is quoted from this conversation");
      const end = Math.min(text.length, offset + MOST_CHARS);
      const more = end < text.length ? `\n[Characters ${offset} to ${end} of ${text.length}; go on with {"offset":${end}}.]` : "";
      return said(`${text.slice(offset, end).toWellFormed()}${more}`, outside);
    }
    before = entries[0]?.id;
    if (entries.length < PAGE) break;
  }
  return { ...said(`No call ${JSON.stringify(call)} is known in this conversation.`, false), isError: true };
}

/** @returns whether others than the owner had a hand in it. */
async function heard({ lower }: Ctx, origin: MessageOrigin | undefined): Promise<boolean> {
  if (origin === undefined) return false;
  const { by, via, influences = [] } = origin;
  const parties = [...influences.map(({ party }) => party), ...(influences.length === 0 && by === "guest" ? [`guest:${via ?? "unknown"}`] : [])];
  for (const party of parties) await lower(party, "is quoted from this conversation");
  return parties.length > 0;
}

const said = (text: string, outside: boolean): ToolResult => ({ content: [{ type: "text", text }], ...(outside ? { outside } : {}) });
