import { type ModelMessage, PlinthError } from "@plinth/sdk";
import { createTestHost, type ScriptedProvider, type TestHost } from "@plinth/sdk/testing";
import { afterEach, describe, expect, it } from "vitest";
import catalog from "../../tools/catalog/index.ts";
import catalogManifest from "../../tools/catalog/plinth.json" with { type: "json" };
import extension from "./index.ts";
import manifest from "./plinth.json" with { type: "json" };
import { calls, knowsModels, runTurn, type Script, says, scriptedModel, scriptedTool, text } from "./scripted.testing.ts";

let host: TestHost;
afterEach(() => host.close());

const overflow = () =>
  new PlinthError("PLINTH_MODEL_CONTEXT", "Acme answered 400: This model's maximum context length is 1500 tokens.", {
    next: "Use a model with a larger context.",
    details: { retryable: false, limitTokens: 1_500 },
  });

const said = (role: "user" | "assistant", words: string): ModelMessage => ({ role, content: [{ type: "text", text: words }] });
const long = "word ".repeat(400);
const history = [
  said("user", `first ${long}`),
  said("assistant", `answer ${long}`),
  said("user", `second ${long}`),
  said("assistant", "short"),
  said("user", "now"),
];

/** Sums up all but so many of the last messages, and remembers what it was asked. */
function compactor(keep: number, summary = "They talked.", error?: Error): ScriptedProvider & { asked: any[] } {
  const asked: any[] = [];
  return {
    asked,
    contract: "plinth.compactor",
    id: "scripted",
    descriptor: { title: "Scripted" },
    provider: {
      async *compact(input: any) {
        asked.push(structuredClone(input));
        if (error) throw error;
        yield { type: "progress", text: "Half of it is read." };
        yield { type: "summary", content: [{ type: "text", text: summary }], firstKept: input.history.at(-keep)?.id ?? null };
      },
    } as never,
  };
}

async function start(scripts: Script[], ...provide: ScriptedProvider[]) {
  const model = scriptedModel(scripts);
  const knows = knowsModels();
  host = await createTestHost({
    extensions: [{ manifest, extension }, { manifest: catalogManifest, extension: catalog }, ...knows.extensions],
    provide: [model, ...provide, ...knows.provide],
  });
  return model;
}

describe("a conversation that is longer than its model's context", () => {
  it("is made shorter once, and asked once more", async () => {
    const makes = compactor(2);
    const model = await start([overflow(), says("fine")], makes);
    const items = await runTurn(host, { history });
    expect(items.at(-1)).toMatchObject({ type: "done", text: "fine" });
    expect(makes.asked).toMatchObject([{ sessionKey: "s", keepTokens: 450, summaryTokens: 150 }]);
    expect(makes.asked[0].history.map(({ message }: any) => message)).toEqual(history);
    expect(model.seen[1]!.messages.map(({ content }: any) => content[0].text)).toEqual([
      expect.stringMatching(/^Earlier messages .* are left out here[\s\S]*\n\nThey talked\.$/),
      "short",
      "now",
    ]);
    expect(items.filter(({ type }) => type === "compaction")).toMatchObject([{ summary: "They talked.", kept: 2 }]);
    expect(items.filter(({ type }) => type === "progress").map((one) => one.text)).toEqual([
      expect.stringContaining("made shorter"),
      "Half of it is read.",
    ]);
  });

  it("in the middle of a turn goes on where it was: no tool runs twice", async () => {
    let ran = 0;
    const tool = scriptedTool("dig", ["read"], () => {
      ran++;
      return text("gold");
    });
    const model = await start([calls(["c1", "dig"]), overflow(), says("found gold")], tool, compactor(3));
    const items = await runTurn(host, { history });
    expect([ran, items.at(-1).text]).toEqual([1, "found gold"]);
    expect(model.seen[2]!.messages.map(({ role }) => role)).toEqual(["user", "user", "assistant", "tool"]);
  });

  it("ends the turn with what to do where nobody makes it shorter, and is not asked again", async () => {
    const model = await start([overflow()]);
    await expect(runTurn(host, { history })).rejects.toMatchObject({
      code: "PLINTH_MODEL_CONTEXT",
      message: expect.stringContaining("Nothing here makes conversations shorter."),
      next: "Use a model with a larger context.",
    });
    expect(model.seen.length).toBe(1);
  });

  it.each([
    ["is still too long", compactor(2), 2, "also after it was made shorter"],
    [
      "cannot be made shorter",
      compactor(2, "x", new PlinthError("PLINTH_COMPACT_SHORT", "There is nothing to make shorter.")),
      1,
      "There is nothing to make shorter.",
    ],
    ["has a summary that is longer", compactor(2, "long ".repeat(5_000)), 1, "the summary is longer than what it stands for"],
    ["has no summary", compactor(2, "  "), 1, "no summary came"],
  ])("that %s ends the turn, with the reason", async (_what, makes, times, why) => {
    const model = await start([overflow()], makes);
    await expect(runTurn(host, { history })).rejects.toMatchObject({ code: "PLINTH_MODEL_CONTEXT", message: expect.stringContaining(why) });
    expect([model.seen.length, makes.asked.length]).toEqual([times, 1]);
  });

  it("is not cut between a call and its result", async () => {
    const within: ModelMessage[] = [
      said("user", long),
      { role: "assistant", content: [{ type: "tool-call", id: "a", name: "dig", args: {} }] },
      { role: "tool", content: [{ type: "tool-result", callId: "a", name: "dig", content: [{ type: "text", text: "x" }] }] },
      said("user", "now"),
    ];
    await start([overflow()], compactor(2));
    await expect(runTurn(host, { history: within })).rejects.toMatchObject({ message: expect.stringContaining("no end of the conversation") });
  });
});
