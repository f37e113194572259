import type { InteractionAnswer, Principal, ToolItem, ToolQuestion } from "@plinth/sdk";
import { questionOf, type ScriptedProvider, type TestExtension, type TestHost } from "@plinth/sdk/testing";
import { afterEach, describe, expect, it } from "vitest";
import { listed, run, start, text, tool, toolSet } from "./catalog.testing.ts";

let host: TestHost;
afterEach(() => host.close());

type Asked = Record<string, unknown>;

/** A tool that asks once, and gives back what it was told; whoever answers notes what was asked, and what turns were told. */
function asking(question: ToolQuestion, answer: Partial<InteractionAnswer> | Error) {
  const notes = { asked: [] as Asked[], told: [] as Asked[] };
  let told: object = {};
  const provider = {
    call: () => text("not this"),
    answer(given: object) {
      told = given;
      return {};
    },
    async *run() {
      yield { type: "ask", question };
      yield { type: "result", result: text(JSON.stringify(told)) };
    },
  };
  const provide: ScriptedProvider[] = [
    tool("asks", { progress: true, title: "Asks a lot" }, provider),
    toolSet("desk", [listed("asks", { source: "north", progress: true })], provider),
    {
      contract: "plinth.interaction",
      id: "default",
      descriptor: { title: "x" },
      provider: {
        async *ask(asked: Asked, { signal }: { signal: AbortSignal }) {
          notes.asked.push(asked);
          if (answer instanceof Error) throw answer;
          const request = {
            ...questionOf("text"),
            options: [],
            fields: [],
            digest: "a".repeat(64),
            id: "k7m2qd",
            askedBy: "x",
            askedAt: 0,
            expiresAt: 1,
          };
          yield { state: "asked", request };
          if (answer.answer === undefined) await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
          yield { state: "answered", request, answer: { by: { role: "owner", via: "x" }, at: 0, ...answer } };
        },
      } as never,
    },
    {
      contract: "plinth.turns",
      provider: {
        tell: ({ step }: { step: Asked }) => {
          notes.told.push(step);
          return { told: true };
        },
      } as never,
    },
  ];
  return { provide, notes };
}

const told = (items: any[]) => JSON.parse(items.at(-1).result.content[0].text);
const within = { sessionKey: "s", runId: "r", agent: "main" };

describe("what a tool asks", () => {
  it.each([
    ["a form", { schema: { type: "object", properties: {} } }, { kind: "form", schema: { type: "object", properties: {} } }],
    ["a choice", { options: [{ id: "a", label: "A" }] }, { kind: "choice", choices: [{ id: "a", label: "A" }] }],
    ["a page", { url: "https://example.com" }, { kind: "url", url: "https://example.com" }],
    ["a text", {}, { kind: "text" }],
  ])("goes to the owner as %s, in its own name", async (_, way, expected) => {
    const { provide, notes } = asking({ id: "q", message: "Which?", ...way } as ToolQuestion, { answer: "chosen", values: { name: "Ann" } });
    host = await start(provide);
    expect(told(await run(host, "asks", within))).toMatchObject({ callId: "c1", id: "q", answer: "chosen", values: { name: "Ann" } });
    expect(notes.asked[0]).toMatchObject({ ...expected, ...within, message: "Which?", title: "Asks a lot", tool: "asks" });
    expect(told(await run(host, "desk__north__asks", within))).toMatchObject({ tool: "asks", source: "north", answer: "chosen" });
    expect(notes.asked[1]).toMatchObject({ from: "desk:north", tool: "desk__north__asks" });
    // The turn shows that it waits, and keeps what was answered to itself.
    expect(notes.told.map(({ state }) => state)).toEqual(["asked", "answered", "asked", "answered"]);
    expect(JSON.stringify(notes.told)).not.toContain("Ann");
  });

  it("is not answered where it expires, is declined or cannot be asked", async () => {
    for (const answer of ["declined", "expired"] as const) {
      host = await start(asking({ id: "q", message: "Which?" }, { answer }).provide);
      expect(told(await run(host, "asks"))).toMatchObject({ answer });
      await host.close();
    }
    host = await start(asking({ id: "q", message: "Which?" }, new Error("no such form")).provide);
    expect(told(await run(host, "asks"))).toMatchObject({ answer: "cancelled" });
    await host.close();
    host = await start(asking({ id: "q", message: "Which?" }, {}).provide.slice(0, 1));
    expect(told(await run(host, "asks"))).toMatchObject({ answer: "cancelled" });
  });

  it("is asked in the turn that another publisher's extension works for, whatever it names, and outside of one not at all", async () => {
    let theirs: any;
    const { provide, notes } = asking({ id: "q", message: "Which?" }, { answer: "chosen" });
    const stranger: TestExtension = {
      manifest: {
        ...{ id: "acme.x", version: "1.0.0", title: "x", description: "", engines: { plinth: "*" }, entry: "./index.js" },
        uses: [{ contract: "plinth.tool-catalog", range: "^1" }],
      },
      extension: { activate: (ctx) => void (theirs = ctx) },
    };
    host = await start(provide, {}, [stranger]);
    await host.activate("acme.x");
    const call = async (principal: Principal) => {
      const items: ToolItem[] = [];
      await host.as(principal, async () => {
        const given = { name: "asks", args: {}, callId: "c1", sessionKey: "made-up", runId: "made-up", agent: "made-up" };
        for await (const item of theirs.use("plinth.tool-catalog").one().run(given)) items.push(item);
      });
      return told(items);
    };
    expect(await call({ role: "owner", via: "local" })).toMatchObject({ answer: "declined", code: "PLINTH_INTERACTION_FORBIDDEN" });
    expect(notes.asked).toEqual([]);
    const scope = { session: "s", run: "r", agent: "main" };
    expect(await call({ role: "owner", via: "local", scope })).toMatchObject({ answer: "chosen" });
    // The tool is the product's here: who has it ask is named, and counted.
    expect(notes.asked).toMatchObject([{ ...within, from: "acme.x" }]);
  });

  it("ends with the call", async () => {
    const { provide, notes } = asking({ id: "q", message: "Which?" }, {});
    host = await start(provide);
    const controller = new AbortController();
    const running = run(host, "asks", within, { signal: controller.signal });
    await expect.poll(() => notes.told.length, { timeout: 20_000 }).toBe(1);
    controller.abort();
    await expect(running).rejects.toMatchObject({ code: "PLINTH_ABORTED" });
  });
});
