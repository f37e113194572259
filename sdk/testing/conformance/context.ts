import assert from "node:assert/strict";
import type { Client, ModelMessage } from "../../extension/index.ts";
import { toolCallsOf, toolResultsOf } from "../../extension/index.ts";
import { assertCode, assertCodedFailure, type ConformanceCase, casesOf, collect, type Opening } from "./case.ts";

type Contributor = Client<"plinth.context">;
type Compactor = Client<"plinth.compactor">;
type Turn = Parameters<Contributor["contribute"]>[0];

export interface ContextSubject extends Opening<Contributor> {
  /** A turn to which it contributes. */
  turn?: Partial<Turn>;
}

export interface CompactorSubject extends Opening<Compactor> {
  /** Makes it fail, such as a model that does not answer. */
  failing?: Opening<Compactor>["open"];
}

const contributes = casesOf<Contributor, ContextSubject>("plinth.context");
const compacts = casesOf<Compactor, CompactorSubject>("plinth.compactor");
const turnOf = (given: ContextSubject, more: Partial<Turn> = {}): Turn => ({
  ...{ agent: "main", sessionKey: "s", surface: "test", role: "owner", maxChars: 100_000 },
  ...given.turn,
  ...more,
});

/** What `plinth.context` asks of every contributor. */
export const contextConformance: readonly ConformanceCase<ContextSubject>[] = [
  contributes("contributes, each section under a name of its own", async (context, given) => {
    const { sections } = await context.contribute(turnOf(given));
    assert.ok(sections.length > 0);
    assert.equal(new Set(sections.map(({ id }) => id)).size, sections.length);
  }),
  contributes("says the same when it is told the same", async (context, given) => {
    const steady = async (more = {}) => (await context.contribute(turnOf(given, more))).sections.filter(({ stability }) => stability !== "turn");
    assert.deepEqual(await steady(), await steady());
    const fixed = async (sessionKey: string) => (await steady({ sessionKey })).filter(({ stability }) => stability === "fixed");
    assert.deepEqual(await fixed("a"), await fixed("b"));
  }),
  contributes("stays within what there is room for", async (context, given) => {
    for (const maxChars of [0, 40]) {
      const { sections } = await context.contribute(turnOf(given, { maxChars }));
      assert.ok(sections.reduce((sum, { text }) => sum + text.length, 0) <= maxChars);
    }
  }),
];

const text = (role: "user" | "assistant", value: string): ModelMessage => ({ role, content: [{ type: "text", text: value }] });
const long = "The quick brown fox jumps over the lazy dog. ".repeat(40);
const history = Array.from({ length: 12 }, (_, n): { id: string; message: ModelMessage; tokens: number } => ({
  id: `e${n}`,
  tokens: 400,
  message:
    n % 4 === 1
      ? { role: "assistant", content: [{ type: "tool-call", id: `c${n}`, name: "look", args: {} }] }
      : n % 4 === 2
        ? { role: "tool", content: [{ type: "tool-result", callId: `c${n - 1}`, name: "look", content: [{ type: "text", text: long }] }] }
        : text(n % 4 === 0 ? "user" : "assistant", `${n}: ${long}`),
}));
const asked = { sessionKey: "s", history, keepTokens: 1_000, summaryTokens: 500 };

/** What `plinth.compactor` asks of whoever makes conversations shorter. */
export const compactorConformance: readonly ConformanceCase<CompactorSubject>[] = [
  compacts("gives one summary, shorter than what it stands for, and keeps the end", async (compactor) => {
    const summaries = (await collect(compactor.compact(asked))).flatMap((item) => (item.type === "summary" ? [item] : []));
    assert.equal(summaries.length, 1);
    const { content, firstKept } = summaries[0]!;
    const at = history.findIndex(({ id }) => id === firstKept);
    assert.ok(firstKept === null || at > 0);
    const before = JSON.stringify(history.slice(0, at === -1 ? history.length : at).map(({ message }) => message)).length;
    assert.ok(JSON.stringify(content).length < before);
  }),
  compacts("never parts a tool's call from its result", async (compactor) => {
    for (const keepTokens of [0, 400, 800, 1_200, 1_600, 2_000]) {
      const last = (await collect(compactor.compact({ ...asked, keepTokens }))).at(-1);
      assert.ok(last?.type === "summary");
      const kept = last.firstKept === null ? [] : history.slice(history.findIndex(({ id }) => id === last.firstKept));
      const calls = new Set(kept.flatMap(({ message }) => toolCallsOf(message.content).map(({ id }) => id)));
      for (const { callId } of kept.flatMap(({ message }) => toolResultsOf(message.content)))
        assert.ok(calls.has(callId), `${keepTokens}: ${callId}`);
    }
  }),
  compacts("refuses what cannot be made shorter", async (compactor) => {
    const short = [{ id: "a", message: text("user", "hi"), tokens: 1 }];
    await assertCode(collect(compactor.compact({ ...asked, history: short })), "PLINTH_COMPACT_SHORT");
  }),
  compacts("stops when it is cancelled", async (compactor) => {
    await assertCodedFailure(collect(compactor.compact(asked, { signal: AbortSignal.abort() })));
  }),
  {
    name: "gives no summary where none came",
    needs: ["failing"],
    async run({ failing }) {
      const { subject, close } = await failing!();
      await assertCode(collect(subject.compact(asked)), "PLINTH_COMPACT_FAILED");
      await close?.();
    },
  },
];
