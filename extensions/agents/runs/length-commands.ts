import { type Context, errorInfo, PlinthError, type Provider, type RequestPart, type TurnEvent, visible } from "@plinth/sdk";
import { compactionBody } from "./compaction-body.ts";
import { harnessOf, messagesFor } from "./harness-content.ts";
import { modelHistory } from "./model-history.ts";
import { assertOwner } from "./own-commands.ts";
import { recentEntries } from "./recent-entries.ts";
import type { SessionChoices } from "./session-choices.ts";

type Run = Provider<"plinth.chat-command">["run"];
type Compaction = Extract<TurnEvent, { type: "compaction" }>;

/** What a session's next turn would be sent. */
export interface Weighed {
  model: string;
  parts: readonly RequestPart[];
  /** Absent: not known. */
  limitTokens?: number;
}

const MOST_FOCUS = 800;

/** `/compact` and `/context`: making a conversation short by hand, and how long each part of what its model is sent is. */
export function lengthCommands(
  ctx: Context,
  choices: SessionChoices,
  limits: { historyLimit: number; historyChars: number },
): { commands: Record<"compact" | "context", Run>; weigh(sessionKey: string, signal: AbortSignal): Promise<Weighed> } {
  const store = ctx.use("plinth.session-store").one();

  /** What the next turn would be handed, and who would run it. */
  const next = async (sessionKey: string) => {
    const { historyLimit, historyChars } = limits;
    const [{ entries }, route, chosen, harnesses] = await Promise.all([
      recentEntries(store, sessionKey, historyLimit),
      ctx.use("plinth.router").one().route({ surface: "command", sessionKey }),
      choices.of(sessionKey),
      ctx.use("plinth.harness").list(),
    ]);
    const maker = harnessOf(harnesses, route.harness);
    const { messages, ids, parties } = modelHistory(entries, historyChars, historyLimit);
    const { agent, workspace, system } = route;
    const input = {
      sessionKey,
      agent,
      workspace,
      system: [...system],
      model: chosen.model ?? route.model,
      history: messagesFor(messages, maker),
    };
    return { input, ids, parties, maker, harness: ctx.use("plinth.harness").get(route.harness), head: entries.at(-1)?.id };
  };

  const weigh = async (sessionKey: string, signal: AbortSignal): Promise<Weighed> => {
    const { input, harness } = await next(sessionKey);
    return { model: input.model, ...(await harness.weigh({ ...input, runId: "context" }, { signal })) };
  };

  const commands: Record<"compact" | "context", Run> = {
    async *compact({ args, sessionKey }, call) {
      if (call.work !== undefined) assertOwner(call);
      const { input, ids, parties, maker, harness, head } = await next(sessionKey);
      const { workspace: _, system: __, ...conversation } = input;
      const focus = args.trim().slice(0, MOST_FOCUS);
      // The summary is theirs too who had a hand in what it sums up.
      for (const party of parties) await ctx.lower(party, "had a hand in this conversation");
      let made: Compaction | undefined;
      try {
        if (conversation.history.length === 0) throw short();
        for await (const event of harness.compact({ ...conversation, ...(focus === "" ? {} : { focus }) }, { signal: call.signal })) {
          if (event.type === "progress") yield { progress: event.text };
          if (event.type === "compaction") made = event;
        }
      } catch (thrown) {
        if (errorInfo(thrown).code !== "PLINTH_COMPACT_SHORT") throw thrown;
        return yield { text: "There is nothing to sum up yet." };
      }
      const body = made === undefined ? undefined : compactionBody(made, ids, maker);
      if (made === undefined || body === undefined) throw unfinished();
      await store.append({ key: sessionKey, bodies: [body], ...(head === undefined ? {} : { expectedHead: head }) });
      yield { text: toldOf(made, conversation.history.length) };
    },

    async *context({ sessionKey }, call) {
      if (call.work !== undefined) assertOwner(call);
      yield { text: table(await weigh(sessionKey, call.signal)) };
    },
  };
  return { commands, weigh };
}

function toldOf({ summary = "", before = 0, after = 0, made, kept = 0 }: Compaction, messages: number): string {
  const by = made === undefined ? "" : made === "model" ? ", by a model" : ", by rules: no model could";
  const first = `${count(messages - kept, "message")} of this conversation stand from here on as a summary${by}; ${kept === 1 ? "one stays" : `${kept} stay`} as said. About ${tokens(before)} tokens became ${tokens(after)}. The transcript keeps everything.`;
  const quoted = visible(summary, { layout: true, max: 20_000 })
    .split("\n")
    .map((line) => `> ${line}`)
    .join("\n");
  return `${first}\n\n${quoted}`;
}

export function table({ model, parts, limitTokens: limit }: Weighed): string {
  const total = parts.reduce((sum, part) => sum + part.tokens, 0);
  const share = (part: number): string => (limit === undefined ? "" : ` ${((part / limit) * 100).toFixed(1)} % |`);
  const row = (name: string, part: number): string => `| ${name} | ${tokens(part)} |${share(part)}`;
  const rows = parts.map(({ kind, title, tokens: own, count: many, by, chars, whole }) => {
    const what = { instructions: "Instructions", tools: "Tools", summary: "Summary", history: "History", results: "Results" }[kind] ?? kind;
    const sent = chars === undefined ? "" : `, ${tokens(chars)}${whole === undefined ? "" : ` of ${tokens(whole)}`} characters`;
    const whose = by === undefined ? "" : ` (${visible(by, { max: 128 })}${sent})`;
    return row(`${what}: ${visible(title, { max: 200 })}${many === undefined ? "" : ` (${many})`}${whose}`, own);
  });
  const known = limit === undefined ? "How much it can read is not known." : `It can read ${tokens(limit)}.`;
  return [
    `Sent to \`${visible(model, { max: 200 })}\` with the next message, in tokens, about. ${known}`,
    "",
    `| part | tokens |${limit === undefined ? "" : " of the context |"}`,
    `| --- | ---: |${limit === undefined ? "" : " ---: |"}`,
    ...rows,
    row("**all**", total),
    "",
    "`/compact` sums up the older part.",
  ].join("\n");
}

const tokens = (many: number): string => many.toLocaleString("en");
const count = (many: number, what: string): string => `${many} ${what}${many === 1 ? "" : "s"}`;

const short = (): PlinthError => new PlinthError("PLINTH_COMPACT_SHORT", "There is nothing to make shorter.");
const unfinished = (): PlinthError =>
  new PlinthError("PLINTH_COMPACT_FAILED", "No summary came that the transcript could keep.", { next: "Start a new conversation with `/new`." });
