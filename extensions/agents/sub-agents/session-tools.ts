import { randomUUID } from "node:crypto";
import { type Call, type Context, PlinthError, type ToolResult, type TranscriptEntry, textOf, visible } from "@plinth/sdk";
import { answer, requesterOf, type ToolInput, text } from "./answers.ts";
import type { Children } from "./children.ts";
import { assertNoLeaf } from "./spawn-tools.ts";

const LIST_ROWS = 200;
const LIST_CHARS = 65_536;
const HISTORY_CHARS = 80_000;
const BLOCK_CHARS = 4_000;
const MODES = ["steer", "followup", "notify"] as const;

/** `sessions_list`. */
export async function list(ctx: Context, children: Children, input: ToolInput, call: Call): Promise<ToolResult> {
  await assertNoLeaf(children, requesterOf(input, call).sessionKey);
  const limit = typeof input.args.limit === "number" ? Math.min(LIST_ROWS, Math.max(1, Math.floor(input.args.limit))) : 50;
  const { sessions } = await ctx.use("plinth.session-store").one().list({ limit });
  const lines: string[] = [];
  let chars = 0;
  for (const { key, title, updatedAt, running, parent, entries } of sessions) {
    const facts = { key, ...(title === undefined ? {} : { title }), updatedAt: new Date(updatedAt).toISOString(), entries };
    const line = JSON.stringify({ ...facts, ...(running === undefined ? {} : { running: true }), ...(parent === undefined ? {} : { parent }) });
    if ((chars += line.length + 1) > LIST_CHARS) break;
    lines.push(line);
  }
  return answer(lines.join("\n") || "There are no sessions.");
}

/** `sessions_history`: what was said in a session, by people and agents. Whoever had a hand in it has one in this turn from now on. */
export async function history(ctx: Context, children: Children, input: ToolInput, call: Call): Promise<ToolResult> {
  await assertNoLeaf(children, requesterOf(input, call).sessionKey);
  const key = text(input.args.sessionKey) ?? "";
  const limit = typeof input.args.limit === "number" ? Math.min(500, Math.max(1, Math.floor(input.args.limit))) : 50;
  const store = ctx.use("plinth.session-store").one();
  const { session } = await store.get({ key });
  if (session === undefined) throw unknown(key);
  const { entries } = await store.history({ key, limit });
  const lines: string[] = [];
  let chars = 0;
  for (const entry of entries.toReversed()) {
    const line = said(entry);
    if (line === undefined) continue;
    if ((chars += line.length + 1) > HISTORY_CHARS) break;
    lines.push(line);
    for (const { party, how } of entry.origin?.influences ?? []) await ctx.lower(party, how);
    if (entry.origin?.by === "guest") await ctx.lower(`guest:${entry.origin.via ?? "unknown"}`, "said it in another conversation");
  }
  return answer(lines.reverse().join("\n") || "Nothing was said in it yet.");
}

/** Words only: what tools gave stays where it was given. */
function said({ body, at }: TranscriptEntry): string | undefined {
  if (body.kind !== "message" || body.message.role === "tool") return undefined;
  const words = visible(textOf(body.message.content), { max: BLOCK_CHARS, layout: true });
  return words.trim() === "" ? undefined : `${new Date(at).toISOString()} ${body.message.role}: ${words}`;
}

/** `sessions_send`: as a message of this conversation, with all who had a hand in it. */
export class Sending {
  readonly #ctx: Context;
  readonly #children: Children;
  /** Turns that such a message began: they send none themselves, or two conversations would never end. */
  readonly #sent = new Set<string>();

  constructor(ctx: Context, children: Children) {
    this.#ctx = ctx;
    this.#children = children;
  }

  async send(input: ToolInput, call: Call): Promise<ToolResult> {
    const from = requesterOf(input, call);
    if ((await this.#children.depthOf(from.sessionKey)) > 0) throw refused("A sub-agent sends nothing to other sessions.", "Put it into the report.");
    if (from.runId !== undefined && this.#sent.has(from.runId))
      throw refused("What another session sent is answered there.", "Answer it; whoever sent it reads that.");
    const { args } = input;
    const key = text(args.sessionKey) ?? "";
    if (key === from.sessionKey) throw refused("That is this conversation itself.", "Just answer.");
    const { session } = await this.#ctx.use("plinth.session-store").one().get({ key });
    if (session === undefined) throw unknown(key);
    const mode = MODES.find((one) => one === args.mode) ?? "followup";
    const seconds = mode === "notify" ? 0 : typeof args.timeoutSeconds === "number" ? Math.min(300, Math.max(0, args.timeoutSeconds)) : 30;
    const runId = randomUUID();
    this.#sent.add(runId);
    // The oldest are long over.
    for (const old of this.#sent.size > 1_000 ? this.#sent : []) {
      this.#sent.delete(old);
      break;
    }
    const words = `[Message of the session ${JSON.stringify(from.sessionKey)}, not of a person]\n\n${text(args.message)?.toWellFormed() ?? ""}`;
    const how = mode === "steer" ? "steer" : "followup";
    const asked = { text: words, sessionKey: key, runId, surface: "session", mode: how, commands: false, detached: true } as const;
    const waited = AbortSignal.any([call.signal, ...(seconds > 0 ? [AbortSignal.timeout(seconds * 1_000)] : [])]);
    for await (const event of this.#ctx.use("plinth.turns").one().submit(asked, { signal: waited })) {
      if (seconds === 0 && event.type === "start") return answer(`It was taken in there. Run: ${runId}`);
      if (event.type !== "end") continue;
      for (const { party, how: why } of event.origin?.influences ?? []) await this.#ctx.lower(party, why);
      if (event.error !== undefined) return answer(`${event.error.code}: ${event.error.message}`);
      return answer(visible(event.text, { max: 32_000, layout: true }) || "It was answered without words.");
    }
    call.signal.throwIfAborted();
    return answer(`It was taken in, and is not answered yet. Run: ${runId}`);
  }
}

const refused = (message: string, next: string): PlinthError => new PlinthError("PLINTH_SESSION_SEND", message, { next });
const unknown = (key: string): PlinthError =>
  new PlinthError("PLINTH_SESSION_UNKNOWN", `There is no session ${JSON.stringify(key.slice(0, 256))}.`, {
    next: "sessions_list shows those there are.",
  });
