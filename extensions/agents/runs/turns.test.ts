import { PlinthError, type TurnEvent } from "@plinth/sdk";
import type { TestHost } from "@plinth/sdk/testing";
import { afterEach, describe, expect, it } from "vitest";
import { end, events, gate, type HarnessInput, harness, type Options, shout, startTurns, subscriber, transcript, words } from "./turns.testing.ts";

let host: TestHost;
afterEach(() => host.close());
const start = async (options: Options = {}) => {
  host = await startTurns(options);
};

/** A harness that waits for the gate before it shouts. */
const waiting = (wait: Promise<void>) =>
  async function* (input: HarnessInput) {
    await wait;
    yield* shout(input);
  };

describe("a turn", () => {
  it("goes from start to end, its answer stored and sent", async () => {
    await start();
    const all = await events(host, "hello");
    expect(all).toEqual([
      { type: "start", runId: expect.any(String), sessionKey: "main" },
      { type: "text", delta: "HELLO" },
      { type: "end", status: "ok", text: "HELLO", model: "test/m", usage: { inputTokens: 1, outputTokens: 2 } },
    ]);
    expect(await transcript(host)).toEqual([
      { kind: "message", message: { role: "user", content: [{ type: "text", text: "hello" }] } },
      { kind: "message", message: { role: "assistant", content: [{ type: "text", text: "HELLO" }] } },
      { kind: "run-end", status: "ok", model: "test/m", usage: { inputTokens: 1, outputTokens: 2 } },
    ]);
  });

  it("shows the harness the conversation so far, and the instructions of the turn", async () => {
    let seen: HarnessInput | undefined;
    await start({ run: (input) => shout((seen = input)) });
    await end(host, "one");
    await end(host, "two", { model: "x/y", system: "Be brief." });
    expect(seen!.history.map(({ role, content }) => `${role}: ${content[0].text}`)).toEqual(["user: one", "assistant: ONE", "user: two"]);
    expect(seen).toMatchObject({ sessionKey: "main", model: "x/y", system: ["Be brief."] });
  });

  it("stores the user's message before the model is asked, and tool messages as they come", async () => {
    const stored: string[][] = [];
    await start({
      async *run() {
        stored.push(await words(host));
        yield { type: "message", message: { role: "assistant", content: [{ type: "tool-call", id: "c1", name: "read", args: {} }] } };
        yield { type: "tool-start", callId: "c1", name: "read", args: {} };
        await new Promise((resolve) => setTimeout(resolve, 5));
        stored.push(await words(host));
        yield { type: "tool-end", callId: "c1", name: "read", result: { content: [] } };
        yield { type: "message", message: { role: "tool", content: [{ type: "tool-result", callId: "c1", name: "read", content: [] }] } };
        yield { type: "done", text: "read" };
      },
    });
    await end(host, "go");
    expect(stored).toEqual([["user: go"], ["user: go", "assistant: "]]);
    expect(await words(host)).toEqual(["user: go", "assistant: ", "tool: c1", "assistant: read", "ok"]);
  });

  it("keeps sessions apart", async () => {
    await start();
    await end(host, "a", { sessionKey: "one" });
    await end(host, "b", { sessionKey: "two" });
    expect(await words(host, "one")).toEqual(["user: a", "assistant: A", "ok"]);
    expect(await words(host, "two")).toEqual(["user: b", "assistant: B", "ok"]);
  });

  it("runs in its caller's work, also when it waited behind somebody else's", async () => {
    const first = gate();
    const roles: (string | undefined)[] = [];
    await start({
      run: async function* (input, { work }) {
        roles.push(work?.principal.name);
        if (roles.length === 1) await first.wait;
        yield* shout(input);
      },
    });
    const turns = ["ann", "ben", "cid"].map((name) => host.as({ role: "guest", via: "test", name }, () => end(host, name)));
    turns.push(end(host, "nobody"));
    await new Promise((resolve) => setTimeout(resolve, 20));
    first.open();
    await Promise.all(turns);
    expect(roles).toEqual(["ann", "ben", "cid", undefined]);
  });
});

describe("hooks of a turn", () => {
  it("may rewrite a message before anything else sees it", async () => {
    await start({ extensions: [subscriber("message.received", (payload) => ({ ...payload, text: "changed" }))] });
    expect(await end(host, "hello")).toMatchObject({ text: "CHANGED" });
    expect((await words(host))[0]).toBe("user: changed");
  });

  it("keep the order of a session's messages, however long they think about each", async () => {
    await start({
      extensions: [
        subscriber("message.received", async ({ text }) => {
          await new Promise((resolve) => setTimeout(resolve, text === "one" ? 20 : 0));
        }),
      ],
    });
    await Promise.all(["one", "two", "three"].map((text) => end(host, text)));
    expect((await words(host)).filter((word) => word.startsWith("user"))).toEqual(["user: one", "user: two", "user: three"]);
  });

  it("may drop a message: nothing runs and nothing is stored", async () => {
    await start({ extensions: [subscriber("message.received", (payload) => ({ ...payload, drop: "spam" }))] });
    expect(await end(host, "hello")).toEqual({ type: "end", status: "ok", text: "", error: { code: "PLINTH_MESSAGE_DROPPED", message: "spam" } });
    expect(await words(host)).toEqual([]);
  });

  it("may choose the harness, the model and the instructions", async () => {
    let seen: HarnessInput | undefined;
    await start({
      provide: [harness((input) => shout((seen = input)), "other")],
      extensions: [subscriber("turn.prepare", (payload) => ({ ...payload, harness: "other", model: "p/m", system: ["New."] }))],
    });
    await end(host, "hello");
    expect(seen).toMatchObject({ model: "p/m", system: ["New."] });
  });

  it("may change the answer: the changed one is stored and is the end's text", async () => {
    await start({ extensions: [subscriber("message.sending", (payload) => ({ ...payload, text: "[checked]" }))] });
    expect(await end(host, "hello")).toMatchObject({ status: "ok", text: "[checked]" });
    expect(await words(host)).toEqual(["user: hello", "assistant: [checked]", "ok"]);
  });

  it("withhold an answer that cannot be checked, and name who could not", async () => {
    await start({
      extensions: [
        subscriber("message.sending", () => {
          throw new Error("the checker is broken");
        }),
      ],
    });
    expect(await end(host, "hello")).toMatchObject({
      status: "error",
      text: "",
      error: { extension: "test.subscriber", message: "the checker is broken" },
    });
    expect(await words(host)).toEqual(["user: hello", "error"]);
  });

  it("are told of the end without holding it up", async () => {
    const told = gate();
    const seen: any[] = [];
    await start({
      extensions: [
        subscriber("turn.end", async (payload) => {
          seen.push(payload);
          await told.wait;
        }),
      ],
    });
    const { text } = await end(host, "hello");
    expect(text).toBe("HELLO");
    expect(seen).toEqual([
      {
        sessionKey: "main",
        runId: expect.any(String),
        status: "ok",
        durationMs: expect.any(Number),
        model: "test/m",
        usage: { inputTokens: 1, outputTokens: 2 },
      },
    ]);
    told.open();
  });
});

describe("a turn that fails", () => {
  it("ends with the code, the culprit and the next step, and leaves the session usable", async () => {
    let fail = true;
    await start({
      run: async function* (input) {
        yield { type: "text", delta: "He" };
        if (fail) throw new PlinthError("PLINTH_MODEL_AUTH", "The key was refused.", { extension: "acme.models", next: "Set a new key." });
        yield* shout(input);
      },
    });
    const error = { code: "PLINTH_MODEL_AUTH", message: "The key was refused.", extension: "acme.models", next: "Set a new key." };
    expect(await end(host, "one")).toEqual({ type: "end", status: "error", text: "", error });
    expect((await transcript(host)).at(-1)).toEqual({ kind: "run-end", status: "error", error });
    fail = false;
    expect(await end(host, "two")).toMatchObject({ status: "ok", text: "TWO" });
  });

  it("closes the tool calls that it had announced", async () => {
    await start({
      async *run() {
        yield { type: "message", message: { role: "assistant", content: [{ type: "tool-call", id: "c1", name: "read", args: {} }] } };
        yield { type: "tool-start", callId: "c1", name: "read", args: {} };
        throw new Error("crash");
      },
    });
    const all = await events(host, "go");
    expect(all.slice(-2)).toMatchObject([
      { type: "tool-end", callId: "c1", result: { isError: true } },
      { type: "end", status: "error" },
    ]);
    expect(await words(host)).toEqual(["user: go", "assistant: ", "tool: c1", "error"]);
  });

  it("ends as an error when the harness stops without an answer or does not exist", async () => {
    await start({
      async *run() {},
      extensions: [subscriber("turn.prepare", (payload) => ({ ...payload, harness: payload.model === "auto" ? "native" : "nobody" }))],
    });
    expect(await end(host, "go")).toMatchObject({ status: "error", error: { code: "PLINTH_HARNESS" } });
    expect(await end(host, "go", { model: "x/y" })).toMatchObject({ status: "error", error: { code: "PLINTH_CAPABILITY_MISSING" } });
  });

  it("ends as an error, and stops asking the model, when the transcript cannot be written", async () => {
    let aborted = false;
    const store = {
      contract: "plinth.session-store",
      descriptor: { title: "Full disk", durable: true },
      provider: {
        claim: () => ({ fence: 1, head: null, expiresAt: 0 }),
        renew: () => ({ expiresAt: 0 }),
        history: () => ({ entries: [] }),
        append: () => {
          throw new PlinthError("PLINTH_SESSION_STORE", "The disk is full.");
        },
        release: () => ({}),
      } as never,
    };
    await start({
      store,
      run: async function* (_, { signal }) {
        yield { type: "message", message: { role: "assistant", content: [{ type: "tool-call", id: "c1", name: "read", args: {} }] } };
        await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
        aborted = true;
        yield { type: "done", text: "never" };
      },
    });
    expect(await end(host, "go")).toMatchObject({ status: "error", error: { code: "PLINTH_SESSION_STORE" } });
    expect(aborted).toBe(true);
  });

  it("ends after the longest time that a turn may take", async () => {
    await start({ run: waiting(new Promise(() => {})), config: { turnTimeoutMs: 1_000 } });
    expect(await end(host, "go")).toMatchObject({ status: "error", error: { code: "PLINTH_TURN_TIMEOUT" } });
  });
});

it("turns away what does not fit into a session's queue, and takes the same id later", async () => {
  const go = gate();
  await start({ run: waiting(go.wait), config: { maxQueued: 2 } });
  const turns = ["one", "two", "three"].map((text) => end(host, text));
  await expect.poll(async () => (await host.use("plinth.turns").one().status({})).queued).toBe(2);
  await expect(end(host, "four", { runId: "r" })).rejects.toMatchObject({ code: "PLINTH_QUEUE_FULL", next: expect.any(String) });
  turns.push(end(host, "elsewhere", { sessionKey: "other" }));
  go.open();
  expect((await Promise.all(turns)).map(({ text }) => text)).toEqual(["ONE", "TWO", "THREE", "ELSEWHERE"]);
  expect(await end(host, "four", { runId: "r" })).toMatchObject({ text: "FOUR" });
});

it("fails the call itself when there is no router to ask", async () => {
  await start();
  await host.close();
  const { createTestHost } = await import("@plinth/sdk/testing");
  const { default: extension } = await import("./index.ts");
  const { default: manifest } = await import("./plinth.json", { with: { type: "json" } });
  host = await createTestHost({ extensions: [{ manifest, extension }] });
  const failed: Promise<TurnEvent[]> = events(host, "hello");
  await expect(failed).rejects.toMatchObject({ code: "PLINTH_CAPABILITY_MISSING" });
});
