import { textOf } from "@plinth/sdk";
import type { TestHost } from "@plinth/sdk/testing";
import { afterEach, describe, expect, it } from "vitest";
import { type End, gate, type HarnessInput, type Options, owner, shout, startTurns, transcript } from "./turns.testing.ts";

let host: TestHost;
afterEach(() => host.close());
const turns = () => host.use("plinth.turns").one();
type Input = Omit<Parameters<ReturnType<typeof turns>["submit"]>[0], "surface"> & { surface?: string };

async function ends(input: Input, who = owner): Promise<End> {
  return host.as(who, async () => {
    let last: unknown;
    for await (const event of turns().submit({ surface: "test", ...input })) last = event;
    return last as End;
  });
}
const waitingFor = async (running: number, queued: number) =>
  expect
    .poll(async () => ({ ...(await turns().status({})), running: (await turns().status({})).running.length }), { timeout: 20_000 })
    .toEqual({ running, queued });
const said = async () =>
  (await transcript(host)).flatMap((body) => (body.kind === "message" && body.message.role === "user" ? [textOf(body.message.content)] : []));
const notes = async () => (await transcript(host)).flatMap((body) => (body.kind === "custom" ? [body] : []));
const stored = async () => (await host.use("plinth.session-store").one().list({})).sessions[0];
const ann = { role: "guest", via: "test", name: "ann" } as const;

/** The first turn goes on until the gate opens. */
async function busy(options: Options = {}) {
  const go = gate();
  let runs = 0;
  host = await startTurns({
    async *run(input: HarnessInput) {
      if (++runs === 1) await go.wait;
      yield* shout(input);
    },
    ...options,
  });
  const one = ends({ text: "one" });
  await waitingFor(1, 0);
  return { go, one };
}
/** Sent one after the other, each when the one before waits. */
async function queued(texts: string[], more: Partial<Input> = {}, who: Parameters<typeof ends>[1] = owner): Promise<Promise<End>[]> {
  const { queued: before } = await turns().status({});
  const all: Promise<End>[] = [];
  for (const text of texts) {
    all.push(ends({ text, ...more }, who));
    await waitingFor(1, before + all.length);
  }
  return all;
}

describe("what comes where as much waits as may", () => {
  it("is the one that goes, with drop:new: its sender is told, and it stands in the transcript", async () => {
    const { go, one } = await busy({ config: { queue: { cap: 2, drop: "new" } } });
    const waiting = await queued(["two", "three"]);
    const told = await ends({ text: "four" });
    expect(told).toMatchObject({ status: "ok", text: expect.stringContaining("2 messages wait here"), error: { code: "PLINTH_MESSAGE_DROPPED" } });
    go.open();
    expect((await Promise.all([one, ...waiting])).map(({ text }) => text)).toEqual(["ONE", "TWO", "THREE"]);
    expect(await said()).toEqual(["one", "two", "three"]);
    expect(await notes()).toMatchObject([{ owner: "plinth.runs", type: "message-dropped", data: { drop: "new", content: [{ text: "four" }] } }]);
    expect(await stored()).not.toHaveProperty("waiting");
  });

  it("makes the oldest go, with drop:old", async () => {
    const { go, one } = await busy({ config: { queue: { cap: 2, drop: "old" } } });
    const [two, three] = await queued(["two", "three"]);
    const four = ends({ text: "four" });
    expect(await two).toMatchObject({ status: "ok", text: expect.stringContaining("not answered"), error: { code: "PLINTH_MESSAGE_DROPPED" } });
    go.open();
    await Promise.all([one, three, four]);
    expect(await said()).toEqual(["one", "three", "four"]);
    expect((await notes()).map(({ data }) => textOf(data.content))).toEqual(["two"]);
    expect(await stored()).not.toHaveProperty("waiting");
  });

  it("makes the oldest lines of one message that comes afterwards, with drop:summarize, and never for another person's", async () => {
    const { go, one } = await busy({ config: { queue: { cap: 2 } } });
    const theirs = await queued(["a guest's"], {}, ann as never);
    const mine = await queued(["two", "three"]);
    const more = [ends({ text: "four" })];
    await mine[0];
    more.push(ends({ text: "five" }));
    expect((await mine[1])?.text).toContain("only a line of a message");
    go.open();
    await Promise.all([one, ...theirs, ...more]);
    await expect.poll(said).toHaveLength(5);
    const summedUp = (await said()).find((text) => text.includes("- two"));
    expect((await said()).filter((text) => text !== summedUp).sort()).toEqual(["a guest's", "five", "four", "one"]);
    expect(summedUp).toMatch(/Of 2 messages these are the beginnings:\n- two\n- three$/);
    const { entries } = await host.use("plinth.session-store").one().history({ key: "main" });
    const summed = entries.find(({ body }) => body.kind === "message" && textOf(body.message.content).includes("- two"));
    expect(summed?.origin).toMatchObject({ by: "owner" });
    expect(entries.filter(({ body }) => body.kind === "custom").map(({ origin }) => origin)).toMatchObject([{ by: "owner" }, { by: "owner" }]);
    await expect.poll(stored).not.toHaveProperty("waiting");
  });

  it("sums up in the name of a guest what a guest said", async () => {
    const roles: string[] = [];
    const { go, one } = await busy({ config: { queue: { cap: 1 } } });
    const [first] = await queued(["hers"], {}, ann as never);
    const second = ends({ text: "hers too" }, ann as never);
    await first;
    go.open();
    await Promise.all([one, second]);
    await expect.poll(said).toHaveLength(3);
    const { entries } = await host.use("plinth.session-store").one().history({ key: "main" });
    for (const { body, origin } of entries)
      if (body.kind === "message" && textOf(body.message.content).includes("hers")) roles.push(origin?.by ?? "");
    expect(roles).toEqual(["guest", "guest"]);
  });

  it("takes the oldest of those that are answered together, and goes on with the others", async () => {
    const { go, one } = await busy({ config: { queue: { mode: "collect", cap: 2, drop: "old" } } });
    const [two] = await queued(["two"]);
    for (const text of ["three", "four", "five"]) expect(await ends({ text })).toMatchObject({ error: { code: "PLINTH_MESSAGE_COLLECTED" } });
    go.open();
    await Promise.all([one, two]);
    expect(
      (await transcript(host)).filter(({ message }) => message?.role === "user").map(({ message }) => message.content.map((part: any) => part.text)),
    ).toEqual([["one"], ["four", "five"]]);
    expect((await notes()).map(({ data }) => textOf(data.content))).toEqual(["two", "three"]);
    expect(await stored()).not.toHaveProperty("waiting");
  });
});

describe("what is said within a moment", () => {
  it("has one turn, in order, and no message of somebody else or about something else is in it", async () => {
    host = await startTurns({ config: { queue: { byChannel: { chat: { debounceMs: 400 } } } } });
    const first = ends({ text: "one", surface: "chat" });
    await expect.poll(async () => (await stored())?.waiting).toBe(1);
    const others = [
      ends({ text: "hers", surface: "chat" }, ann as never),
      ends({ text: "elsewhere" }),
      ends({ text: "quoting", surface: "chat", replyTo: { text: "x" } }),
    ];
    expect(await ends({ text: "two", surface: "chat" })).toMatchObject({ error: { code: "PLINTH_MESSAGE_COLLECTED" } });
    expect(await first).toMatchObject({ status: "ok" });
    await Promise.all(others);
    const messages = (await transcript(host)).flatMap(({ message }) =>
      message?.role === "user" ? [message.content.map((part: any) => part.text)] : [],
    );
    expect(messages[0]).toEqual(["one", "two"]);
    expect(messages.slice(1).flat().sort()).toEqual(["elsewhere", "hers", "quoting"]);
  });

  it.each([
    ["a picture, which is part of it", { content: [{ type: "image" as const, artifact: "a1", mimeType: "image/png" }], surface: "test" }],
    ["a command", { text: "/help", surface: "test" }],
  ])("is answered at once when there comes %s", async (_, input) => {
    host = await startTurns({ config: { queue: { debounceMs: 60_000 } } });
    const first = ends({ text: "look" });
    await expect.poll(async () => (await stored())?.waiting).toBe(1);
    await ends(input);
    expect(await first).toMatchObject({ status: "ok", text: "LOOK" });
  });

  it("can be taken back meanwhile", async () => {
    host = await startTurns({ config: { queue: { debounceMs: 60_000 } } });
    const first = ends({ text: "oops", runId: "r1" });
    await expect.poll(async () => (await stored())?.waiting).toBe(1);
    expect(await host.as(owner, () => turns().withdraw({ runId: "r1" }))).toEqual({ withdrawn: true });
    expect(await first).toMatchObject({ status: "aborted" });
    expect(await said()).toEqual([]);
  });
});

describe("/queue", () => {
  it("shows, chooses for its conversation, keeps that over a restart of nothing else, and takes it back; for the owner", async () => {
    const { go, one } = await busy();
    expect((await ends({ text: "/queue" })).text).toContain("has a turn of its own afterwards: `followup`");
    expect((await ends({ text: "/queue collect debounce:0s cap:25" })).text).toContain("`collect` (chosen for this conversation)");
    expect((await ends({ text: "/queue cap:3 drop:old" })).text).toMatch(/together with the others[\s\S]*Up to 3 wait/);
    const [two] = await queued(["two"]);
    expect(await ends({ text: "three" })).toMatchObject({ error: { code: "PLINTH_MESSAGE_COLLECTED" } });
    expect((await ends({ text: "/queue later" })).error).toMatchObject({ code: "PLINTH_USAGE" });
    expect((await ends({ text: "/queue default" }, ann as never)).text).toContain("for the owner");
    expect((await ends({ text: "/queue default" })).text).toContain("`followup`\n");
    go.open();
    await Promise.all([one, two]);
    expect(await said()).toEqual(["one", "twothree"]);
  });
});
