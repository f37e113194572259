import { type Context, type Extension, type ModelEvent, type ModelMessage, PlinthError, textOf, toolResultsOf } from "@plinth/sdk";
import type { ScriptedProvider, TestHost } from "@plinth/sdk/testing";
import { afterEach, expect, it } from "vitest";
import sessions from "../sessions/index.ts";
import { openHouse, turnOf } from "./house.testing.ts";

const FACTS = 20;
const LIMIT = 8_192;

let host: TestHost;
afterEach(() => host.close());

interface Asked {
  system?: { text: string }[];
  messages: ModelMessage[];
  tools?: unknown[];
}

/** A small model. It refuses what is longer than its context, sums up badly, and looks for what it is asked and does not see. */
function smallModel(told: boolean) {
  const seen = { sizes: [] as number[], refused: [] as string[], summaries: 0, recalled: 0 };
  let calls = 0;
  const provider: ScriptedProvider = {
    contract: "plinth.model-provider",
    id: "small",
    descriptor: { title: "Small", priority: 1 },
    provider: {
      status: () => ({ ready: true, defaultModel: "m" }),
      models: () => ({ models: [told ? { id: "m", contextTokens: LIMIT } : { id: "m" }] }),
      async *stream({ system = [], messages, tools = [] }: Asked): AsyncGenerator<ModelEvent> {
        const request = JSON.stringify({ system, messages, tools });
        const tokens = Math.ceil(request.length / 4);
        if (tokens > LIMIT) {
          expect(seen.refused).not.toContain(request);
          seen.refused.push(request);
          throw new PlinthError("PLINTH_MODEL_CONTEXT", "It is longer than the context.");
        }
        seen.sizes.push(tokens);
        const answer = reply(system, messages);
        if (typeof answer === "string") yield { type: "text", delta: answer };
        else yield { type: "tool-call", call: { type: "tool-call", id: `call-${calls++}`, ...answer } };
        yield { type: "usage", usage: { inputTokens: tokens, outputTokens: 5 } };
        yield { type: "end", reason: typeof answer === "string" ? "stop" : "tool-calls" };
      },
    } as never,
  };
  const reply = (system: { text: string }[], messages: ModelMessage[]): string | { name: string; args: Record<string, unknown> } => {
    if (textOf(system as never).startsWith("You sum up")) {
      seen.summaries++;
      return "They went on with their work.";
    }
    const last = messages.at(-1) as ModelMessage;
    const question = textOf(messages.findLast(({ role }) => role === "user")?.content ?? []);
    const harbour = /^What is the code of (.+)\?$/.exec(question)?.[1];
    if (harbour !== undefined) {
      const texts = messages.flatMap(({ content }) => [textOf(content), ...toolResultsOf(content).map((one) => textOf(one.content))]);
      const code = texts.map((text) => new RegExp(`code of ${harbour} is ([\\w-]+)`).exec(text)?.[1]).find((one) => one !== undefined);
      if (code !== undefined) return code;
      if (last.role === "tool") return "I do not know.";
      seen.recalled++;
      return { name: "recall", args: { words: `code of ${harbour}` } };
    }
    if (question.startsWith("Dig") && last.role !== "tool") return { name: "dig", args: {} };
    return `Fine. ${"word ".repeat(20)}`;
  };
  return { provider, seen };
}

/** The sessions' store, and how much each look into a transcript took. */
function counted(): { store: Extension; reads: { entries: number; bytes: number }[] } {
  const reads: { entries: number; bytes: number }[] = [];
  const activate: Extension["activate"] = (ctx) => {
    const provide: Context["provide"] = (contract: never, id: never, provider: any) =>
      ctx.provide(contract, id, {
        ...provider,
        history: async (input: unknown, call: unknown) => {
          const found = await provider.history(input, call);
          reads.push({ entries: found.entries.length, bytes: JSON.stringify(found.entries).length });
          return found;
        },
      } as never);
    return sessions.activate(new Proxy(ctx, { get: (target, name) => (name === "provide" ? provide : Reflect.get(target, name)) }));
  };
  return { store: { activate }, reads };
}

const dig: ScriptedProvider = {
  contract: "plinth.tool",
  id: "dig",
  descriptor: { description: "Digs.", input: { type: "object" }, effects: ["read"] },
  provider: { call: () => ({ content: [{ type: "text", text: "earth ".repeat(600) }] }) } as never,
};

it.each([
  ["whose context is known", 2_000, true],
  ["whose context nobody tells", 600, false],
] as const)(
  `a conversation with a model of ${LIMIT} tokens %s goes on for %i turns, costs the same in the end, and is remembered`,
  { timeout: 600_000 },
  async (_which, turns, told) => {
    const { provider, seen } = smallModel(told);
    const { store, reads } = counted();
    host = await openHouse({ provide: [provider, dig], store });
    const turn = (text: string): Promise<string> => turnOf(host, text);

    const codes = Array.from({ length: FACTS }, (_, at) => [`harbour ${String.fromCharCode(97 + at)}${at}`, `K${7_919 * (at + 13)}-${at}`] as const);
    const sent: number[] = [];
    for (let at = 0; at < turns; at++) {
      const before = seen.sizes.length;
      const [harbour, code] = codes[Math.floor(at / (turns / FACTS))]!;
      if (at % (turns / FACTS) === 7) await turn(`The code of ${harbour} is ${code}.`);
      else await turn(at % 10 === 0 ? `Dig once more, number ${at}.` : `This is note number ${at}. ${"more ".repeat(20)}`);
      sent.push(Math.max(...seen.sizes.slice(before)));
    }
    const mean = (all: readonly number[]): number => all.reduce((sum, one) => sum + one, 0) / all.length;
    const [early, late] = [sent.slice(turns / 10, turns / 3), sent.slice(-turns / 5)];
    expect(mean(late)).toBeLessThan(mean(early) * 1.1);
    // Each turn looks into its transcript once.
    const looks = [reads.slice(turns / 10, turns / 3), reads.slice(-turns / 5)] as const;
    for (const what of ["entries", "bytes"] as const) {
      const [first, last] = looks.map((some) => mean(some.map((one) => one[what])));
      expect(last, what).toBeLessThan(first! * 1.1);
    }
    // What a server refused once is learned from.
    expect(seen.refused.length).toBeLessThanOrEqual(told ? 0 : 2);
    expect(seen.summaries).toBeGreaterThan(5);

    for (const [harbour, code] of codes) expect(await turn(`What is the code of ${harbour}?`)).toBe(code);
    const { entries } = await host.use("plinth.session-store").one().history({ key: "main", limit: 10_000 });
    expect(entries.filter(({ body }) => body.kind === "message" && body.message.role === "user").length).toBe(turns + FACTS);
  },
);
