import { textOf } from "@plinth/sdk";
import type { TestHost } from "@plinth/sdk/testing";
import { afterEach, describe, expect, it } from "vitest";
import { end, events, gate, type HarnessInput, type Options, owner, shout, startTurns, submit, words } from "./turns.testing.ts";

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

describe("aborting", () => {
  it("keeps what was said before it, and a failure does too: the next turn's model sees it", async () => {
    const seen: string[][] = [];
    let turn = 0;
    await start({
      run: async function* (input, { signal }) {
        const { history } = input;
        seen.push(history.map(({ role, content }: any) => `${role}: ${textOf(content)}`));
        turn++;
        if (turn > 2) return yield* shout(input);
        yield { type: "text", delta: turn === 1 ? "The first three " : "Half of" };
        yield { type: "text", delta: turn === 1 ? "steps are" : " it" };
        if (turn === 2) throw new Error("broken");
        await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
      },
    });
    const service = host.use("plinth.turns").one();
    const first = end(host, "how?");
    await expect.poll(() => turn).toBe(1);
    await service.abort({ sessionKey: "main" });
    expect(await first).toMatchObject({ status: "aborted" });
    expect(await end(host, "and?")).toMatchObject({ status: "error" });
    expect(await end(host, "go on")).toMatchObject({ status: "ok" });
    expect(seen[2]!.map((line) => line.slice(0, 60))).toEqual([
      "user: how?",
      "assistant: The first three steps are",
      "user: and?",
      "assistant: Half of it",
      "user: go on",
    ]);
  });

  it("ends the run that is named, or all of a session, also those that wait", async () => {
    await start({ run: waiting(new Promise(() => {})) });
    const turns = ["one", "two"].map((text, index) => end(host, text, { runId: `r${index}` }));
    const other = end(host, "other", { sessionKey: "other" });
    await running(2);
    const service = host.use("plinth.turns").one();
    expect(await service.abort({ sessionKey: "main" })).toEqual({ aborted: 2 });
    expect((await Promise.all(turns)).map(({ status }) => status)).toEqual(["aborted", "aborted"]);
    expect(await words(host)).toEqual(["user: one", "aborted"]);
    const { running: left } = await service.status({});
    expect(left.map(({ sessionKey }) => sessionKey)).toEqual(["other"]);
    expect(await service.abort({ runId: left[0]!.runId })).toEqual({ aborted: 1 });
    expect(await other).toMatchObject({ status: "aborted", error: { code: "PLINTH_ABORTED" } });
    expect(await service.abort({ runId: "nobody" })).toEqual({ aborted: 0 });
  });

  it("happens when the only follower goes away", async () => {
    await start({ run: waiting(new Promise(() => {})) });
    const stream = submit(host, "hello")[Symbol.asyncIterator]();
    await stream.next();
    await running(1);
    await stream.return?.(undefined);
    await running(0);
    expect(await words(host)).toEqual(["user: hello", "aborted"]);
  });

  it("happens when the caller's signal says so", async () => {
    await start({ run: waiting(new Promise(() => {})) });
    const controller = new AbortController();
    const turn = end(host, "hello", { signal: controller.signal });
    await running(1);
    controller.abort();
    await expect(turn).rejects.toMatchObject({ code: "PLINTH_ABORTED" });
    await running(0);
    expect(await words(host)).toEqual(["user: hello", "aborted"]);
  });

  it("does not happen to a detached turn when its follower goes away", async () => {
    const go = gate();
    await start({ run: waiting(go.wait) });
    const stream = submit(host, "hello", { detached: true, runId: "r" })[Symbol.asyncIterator]();
    await stream.next();
    await running(1);
    await stream.return?.(undefined);
    go.open();
    expect(await end(host, "hello", { runId: "r" })).toMatchObject({ status: "ok", text: "HELLO" });
  });

  it("happens to everything when the host stops", async () => {
    await start({ run: waiting(new Promise(() => {})) });
    const turn = end(host, "hello");
    turn.catch(() => {});
    await running(1);
    await host.close();
    await expect(turn).rejects.toMatchObject({ code: "PLINTH_STOPPING" });
  });

  async function running(count: number): Promise<void> {
    await expect.poll(async () => (await host.use("plinth.turns").one().status({})).running.length).toBe(count);
  }
});

describe("a known run id", () => {
  it("follows the same run from its first event on, while it runs and afterwards, and runs nothing twice", async () => {
    const go = gate();
    let ran = 0;
    await start({
      run: async function* (input) {
        ran++;
        yield { type: "text", delta: "A" };
        await go.wait;
        yield* shout(input);
      },
    });
    const first = events(host, "hello", { runId: "r" });
    const second = events(host, "hello", { runId: "r" });
    await new Promise((resolve) => setTimeout(resolve, 10));
    const third = events(host, "hello", { runId: "r" });
    go.open();
    const [one, two, three] = await Promise.all([first, second, third]);
    expect(two).toEqual(one);
    expect(three).toEqual(one);
    const later = await events(host, "hello", { runId: "r" });
    expect(later).toEqual([one[0], { type: "text", delta: "AHELLO" }, one.at(-1)]);
    expect(ran).toBe(1);
    expect(await words(host)).toEqual(["user: hello", "assistant: HELLO", "ok"]);
  });

  it("keeps the turn of two followers until the last one leaves", async () => {
    const go = gate();
    await start({ run: waiting(go.wait) });
    const stream = submit(host, "hello", { runId: "r" })[Symbol.asyncIterator]();
    await stream.next();
    const other = end(host, "hello", { runId: "r" });
    await new Promise((resolve) => setTimeout(resolve, 5));
    await stream.return?.(undefined);
    go.open();
    expect(await other).toMatchObject({ status: "ok" });
  });

  it("is answered from the transcript when an earlier process has run it", async () => {
    let ran = 0;
    await start({
      run: (input) => {
        ran++;
        return shout(input);
      },
    });
    const store = host.use("plinth.session-store").one();
    const { fence } = await store.claim({
      key: "main",
      runId: "old",
      ttlMs: 10_000,
      message: { role: "user", content: [{ type: "text", text: "hello" }] },
    });
    await store.append({
      key: "main",
      runId: "old",
      fence,
      bodies: [{ kind: "message", message: { role: "assistant", content: [{ type: "text", text: "Hi." }] } }],
    });
    await store.release({ key: "main", runId: "old", fence, status: "ok", model: "x/y" });
    expect(await end(host, "hello", { runId: "old" })).toEqual({ type: "end", status: "ok", text: "Hi.", model: "x/y" });
    expect(ran).toBe(0);
  });

  it("is answered from the transcript with whoever had a hand in it, not as the owner's own", async () => {
    await start();
    const store = host.use("plinth.session-store").one();
    await host.as({ role: "guest", via: "acme.x" }, async () => {
      const { fence } = await store.claim({
        key: "main",
        runId: "old",
        ttlMs: 10_000,
        message: { role: "user", content: [{ type: "text", text: "hello" }] },
      });
      await store.append({
        key: "main",
        runId: "old",
        fence,
        bodies: [{ kind: "message", message: { role: "assistant", content: [{ type: "text", text: "Send me your key." }] } }],
      });
      await store.release({ key: "main", runId: "old", fence, status: "ok" });
    });
    expect(await host.as(owner, () => end(host, "hello", { runId: "old" }))).toMatchObject({ origin: { by: "guest", via: "acme.x" } });
  });

  it("is not ended by others who know its id", async () => {
    const go = gate();
    await start({ run: waiting(go.wait) });
    const turn = host.as(owner, () => end(host, "hello", { runId: "mine" }));
    const service = host.use("plinth.turns").one();
    expect(await host.as({ role: "guest", via: "acme.x" }, () => service.abort({ runId: "mine" }))).toEqual({ aborted: 0 });
    go.open();
    expect(await turn).toMatchObject({ status: "ok" });
  });

  it("of somebody else is refused", async () => {
    await start();
    await host.as({ role: "guest", via: "test", name: "ann" }, () => end(host, "secret", { runId: "r" }));
    const ben = host.as({ role: "guest", via: "test", name: "ben" }, () => end(host, "x", { runId: "r" }));
    await expect(ben).rejects.toMatchObject({ code: "PLINTH_RUN_FORBIDDEN" });
    expect(await host.as(owner, () => end(host, "x", { runId: "r" }))).toMatchObject({ text: "SECRET" });
  });
});
