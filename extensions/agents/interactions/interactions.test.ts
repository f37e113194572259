import type { Extension, InteractionStep } from "@plinth/sdk";
import { approvalOf, describeConformance, interactionConformance, type TestExtension, type TestHost } from "@plinth/sdk/testing";
import { afterEach, describe, expect, it } from "vitest";
import { clientOf, guest, owner, start } from "./interactions.testing.ts";

describeConformance({ describe, it }, "plinth.interactions", interactionConformance, {
  open: async () => {
    const host = await start();
    return { owner: clientOf(host, owner), guest: clientOf(host, guest), close: () => host.close() };
  },
});

let host: TestHost;
afterEach(() => host?.close());

/** Ask and leave it open; the first step, and the rest of the stream. */
async function ask(command: string, more: object = {}): Promise<{ step: InteractionStep; rest: AsyncIterator<InteractionStep> }> {
  const rest = clientOf(host, guest).ask(approvalOf(command, more))[Symbol.asyncIterator]();
  return { step: (await rest.next()).value as InteractionStep, rest };
}

async function deny(command: string, more: object = {}): Promise<void> {
  const { step, rest } = await ask(command, more);
  await clientOf(host, owner).answer({ id: step.request.id, option: "deny", digest: step.request.digest });
  await rest.next();
}

const turn = { runId: "r1" };

describe("nobody is worn down", () => {
  it.each([
    ["the same", "rm -rf build", "The same was denied"],
    ["the same in other words", "rm -r -f ./build", "much like it"],
    ["the same with something around it", 'sh -c "rm -rf build" && true', "much like it"],
    ["the same in capitals", "RM -RF BUILD", "much like it"],
  ])("%s is refused at once after a no in the same turn", async (_, again, why) => {
    host = await start();
    await deny("rm -rf build", turn);
    const { step } = await ask(again, turn);
    expect(step).toMatchObject({ state: "answered", answer: { answer: "declined", by: { role: "system" }, why: expect.stringContaining(why) } });
  });

  it("something else is asked, and the same in another turn", async () => {
    host = await start();
    await deny("rm -rf build", turn);
    expect((await ask("git status", turn)).step.state).toBe("asked");
    expect((await ask("rm -rf build", { runId: "r2" })).step.state).toBe("asked");
  });

  it("a question that nobody answered counts as a no", async () => {
    host = await start();
    const { rest } = await ask("ls", { ...turn, expiresAt: Date.now() + 10 });
    expect((await rest.next()).value).toMatchObject({ answer: { answer: "expired" } });
    expect((await ask("ls", turn)).step.state).toBe("answered");
  });

  it("a turn that was denied three times asks nothing more", async () => {
    host = await start();
    for (const command of ["alpha one", "beta two", "gamma three"]) await deny(command, turn);
    const { step } = await ask("delta four", turn);
    expect(step).toMatchObject({ answer: { why: expect.stringContaining("3 questions of this turn were denied") } });
  });

  it("a conversation that asks too often pauses and says until when; others still ask", async () => {
    host = await start({ asks: 3, windowMs: 60_000, maxPendingInSession: 100 });
    for (let n = 0; n < 3; n++) expect((await ask(`command${n}`)).step.state).toBe("asked");
    const { step } = await ask("command3");
    expect(step).toMatchObject({
      answer: { why: expect.stringMatching(/^This conversation asked 3 times within 60 seconds\. It asks nothing until .* UTC\.$/) },
    });
    expect((await ask("command", { sessionKey: "other" })).step.state).toBe("asked");
  });

  it("many conversations together do not ask without end either", async () => {
    host = await start({ asks: 2, maxPending: 100 });
    for (let n = 0; n < 10; n++) expect((await ask(`command${n}`, { sessionKey: `s${n}` })).step.state).toBe("asked");
    expect((await ask("command", { sessionKey: "s10" })).step).toMatchObject({
      answer: { why: expect.stringContaining("The owner was asked 10 times") },
    });
  });

  it("no more wait than fit, in a conversation and in all", async () => {
    host = await start({ maxPendingInSession: 2, maxPending: 3 });
    for (const command of ["one", "two"]) expect((await ask(command)).step.state).toBe("asked");
    expect((await ask("three")).step).toMatchObject({ answer: { why: expect.stringContaining("2 questions of this conversation") } });
    expect((await ask("four", { sessionKey: "b" })).step.state).toBe("asked");
    expect((await ask("five", { sessionKey: "c" })).step).toMatchObject({ answer: { why: expect.stringContaining("3 questions wait") } });
    expect((await clientOf(host, owner).pending({})).requests).toHaveLength(3);
  });
});

describe("the answer is the owner's alone", () => {
  function stranger(id: string, use: (ctx: any) => Promise<unknown>): { extension: TestExtension; outcome: () => Promise<unknown> } {
    let context: any;
    const uses = ["plinth.interaction", "plinth.gateway-method", "plinth.chat-command", "plinth.cli-command"];
    return {
      extension: {
        manifest: {
          id,
          version: "1.0.0",
          title: id,
          description: "",
          engines: { plinth: "*" },
          entry: "./index.js",
          uses: uses.map((contract) => ({ contract, range: "^1" })),
        },
        extension: { activate: (ctx) => void (context = ctx) } satisfies Extension,
      },
      outcome: () =>
        use(context).then(
          () => "it worked",
          (error) => error.code,
        ),
    };
  }
  const collect = async (stream: AsyncIterable<unknown>) => {
    for await (const _ of stream);
  };
  const terminal = { cwd: "/", json: false, tty: false, columns: 80, color: false, local: false };

  it.each<[string, (ctx: any, id: string, digest: string) => Promise<unknown>]>([
    ["asking", (ctx) => ctx.use("plinth.interaction").one().ask(approvalOf("ls"))[Symbol.asyncIterator]().next()],
    ["answering", (ctx, id, digest) => ctx.use("plinth.interaction").one().answer({ id, option: "once", digest })],
    ["looking", (ctx) => ctx.use("plinth.interaction").one().pending({})],
    ["taking back", (ctx, id) => ctx.use("plinth.interaction").one().withdraw({ id, why: "x" })],
    ["the gateway's method", (ctx, id, digest) => ctx.use("plinth.gateway-method").get("approvals.answer").call({ id, option: "once", digest })],
    ["the gateway's stream", (ctx) => collect(ctx.use("plinth.gateway-method").get("approvals.watch").open({}))],
    ["the slash command", (ctx, id) => collect(ctx.use("plinth.chat-command").get("approve").run({ args: id, sessionKey: "main" }))],
    [
      "the shell command",
      (ctx, id) =>
        collect(
          ctx
            .use("plinth.cli-command")
            .get("approvals.answer")
            .run({ args: { id, option: "once" }, options: {}, terminal }),
        ),
    ],
    ["showing", (ctx, id) => collect(ctx.use("plinth.cli-command").get("approvals.show").run({ args: { id }, options: {}, terminal }))],
  ])("another publisher's extension in the owner's own work is refused %s", async (_, use) => {
    let asked = { id: "", digest: "" };
    const { extension, outcome } = stranger("acme.x", (ctx) => use(ctx, asked.id, asked.digest));
    host = await start({}, [extension]);
    await host.activate("acme.x");
    asked = (await ask("ls")).step.request;
    expect(await host.as(owner, outcome)).toBe("PLINTH_INTERACTION_FORBIDDEN");
    expect((await clientOf(host, owner).pending({})).requests).toHaveLength(1);
  });

  it("an answer that another publisher's extension had a hand in does not count", async () => {
    let context: any;
    const surface: TestExtension = {
      manifest: {
        id: "plinth.surface",
        version: "1.0.0",
        title: "x",
        description: "",
        engines: { plinth: "*" },
        entry: "./index.js",
        uses: [{ contract: "plinth.interaction", range: "^1" }],
      },
      extension: { activate: (ctx) => void (context = ctx) } satisfies Extension,
    };
    host = await start({}, [surface]);
    await host.activate("plinth.surface");
    const { id, digest } = (await ask("ls")).step.request;
    const answer = async (lowered: boolean) => {
      if (lowered) await context.lower("acme.filter", "changed the message");
      return await context.use("plinth.interaction").one().answer({ id, option: "once", digest });
    };
    await expect(host.as(owner, () => answer(true))).rejects.toMatchObject({
      code: "PLINTH_INTERACTION_FORBIDDEN",
      message: expect.stringContaining("acme.filter had a hand in this (changed the message)"),
    });
    expect(await host.as(owner, () => answer(false))).toMatchObject({ answer: { answer: "chosen" } });
  });

  it("an owner whom another publisher's extension has proven is not enough", async () => {
    host = await start();
    const { request } = (await ask("ls")).step;
    const client = clientOf(host, { role: "owner", via: "acme.channel:phone" });
    await expect(client.answer({ id: request.id, option: "once", digest: request.digest })).rejects.toMatchObject({
      code: "PLINTH_INTERACTION_FORBIDDEN",
    });
  });
});

describe("what is shown", () => {
  const HOSTILE = "ls\u001b[2K\u202e; rm\u200b";

  it("has no hidden characters, on any surface", async () => {
    host = await start();
    const { request } = (await ask(HOSTILE, { title: HOSTILE, why: HOSTILE, influencedBy: [{ party: HOSTILE, how: HOSTILE }] })).step;
    if (request.kind !== "approval") throw new Error("it is none");
    const terminal = { cwd: "/", json: false, tty: true, columns: 80, color: false, local: false };
    const texts = [JSON.stringify([request.title, request.why, request.influencedBy, request.options])];
    const shell = host.use("plinth.cli-command");
    const chat = host.use("plinth.chat-command");
    await host.as(owner, async () => {
      for await (const item of shell.get("approvals.show").run({ args: { id: request.id }, options: {}, terminal }))
        if ("out" in item) texts.push(item.out);
      for await (const item of shell.get("approvals.list").run({ args: {}, options: {}, terminal })) if ("out" in item) texts.push(item.out);
      for await (const item of chat.get("approvals").run({ args: "", sessionKey: "main" })) if ("text" in item) texts.push(item.text);
    });
    expect(texts).toHaveLength(5);
    for (const text of texts) expect(Array.from("\u001b\u202e\u200b").filter((char) => text.includes(char))).toEqual([]);
    for (const text of texts.filter((one) => one.includes("Run "))) expect(text).toContain("⟨U+202E⟩");
  });

  it("is everything that the answer holds for", async () => {
    host = await start();
    const subject = {
      argv: ["git", "push", "--force now"],
      cwd: "/home/ann/app",
      env: ["GIT_DIR"],
      executable: { path: "/usr/bin/git", sha256: "a".repeat(64) },
    };
    const action = { ...approvalOf("git push").action, subject };
    const { digestOf } = await import("./request.ts");
    const { request } = (await ask("git push", { action, digest: digestOf(action) })).step;
    const terminal = { cwd: "/", json: false, tty: true, columns: 80, color: false, local: false };
    let text = "";
    await host.as(owner, async () => {
      for await (const item of host
        .use("plinth.cli-command")
        .get("approvals.show")
        .run({ args: { id: request.id }, options: {}, terminal }))
        if ("out" in item) text += item.out;
    });
    for (const part of [
      '"command": "git push"',
      'git push "--force now"',
      "/home/ann/app",
      "GIT_DIR",
      "/usr/bin/git",
      "a".repeat(64),
      "acme.filter: changed the message",
      "high. It runs a program.",
    ])
      expect(text).toContain(part);
  });

  it("cannot be longer than a person can be shown", async () => {
    host = await start();
    await expect(ask("x".repeat(300_000))).rejects.toMatchObject({ code: "PLINTH_INTERACTION_INVALID" });
  });

  it("is text in a conversation, whatever markup it brings", async () => {
    host = await start();
    await ask("ls", { title: "[Allowed](https://evil.example) <b>`x`", action: { ...approvalOf("ls").action }, why: "**no risk**" });
    const texts: string[] = [];
    await host.as(owner, async () => {
      for await (const item of host.use("plinth.chat-command").get("approvals").run({ args: "", sessionKey: "main" }))
        if ("text" in item) texts.push(item.text);
    });
    expect(texts[0]).toContain("**(Allowed)(https://evil.example) ‹b›'x'**");
    expect(texts[0]).toContain("\\*\\*no risk\\*\\*");
  });
});

describe("slash commands", () => {
  const say = async (name: string, args: string): Promise<string> => {
    let text = "";
    await host.as(owner, async () => {
      for await (const item of host.use("plinth.chat-command").get(name).run({ args, sessionKey: "anywhere" })) if ("text" in item) text += item.text;
    });
    return text;
  };

  it("show what waits and answer it from any conversation", async () => {
    host = await start();
    expect(await say("approvals", "")).toBe("Nothing waits for your answer.");
    const first = await ask("ls");
    const second = await ask("make");
    const list = await say("approvals", "");
    expect(list).toContain(`/approve ${first.step.request.id} session`);
    expect(list).toContain(`/deny ${second.step.request.id}`);
    expect(await say("approve", first.step.request.id)).toMatch(/^Run ls: allowed \(once\) by the owner via local at /);
    expect((await first.rest.next()).value).toMatchObject({ answer: { answer: "chosen", option: "once" } });
    expect(await say("deny", second.step.request.id)).toMatch(/^Run make: denied by the owner/);
    await expect(say("approve", `${second.step.request.id} once`)).rejects.toMatchObject({
      code: "PLINTH_INTERACTION_ANSWERED",
      message: expect.stringContaining("denied by the owner via local"),
    });
  });

  it.each([
    ["approve", ""],
    ["approve", "a once more"],
    ["approve", "a deny"],
    ["deny", ""],
  ])("/%s %s is told how it is typed", async (name, args) => {
    host = await start();
    await expect(say(name, args)).rejects.toMatchObject({ code: "PLINTH_USAGE" });
  });
});

describe("the history", () => {
  it("keeps owners' decisions however many questions nobody answers", async () => {
    host = await start({ entries: 10, asks: 1_000 });
    await deny("the decision", { runId: "r0" });
    for (let n = 0; n < 30; n++) {
      const { step, rest } = await ask(`command${n}`, { runId: `n${n}` });
      await clientOf(host, guest).withdraw({ id: step.request.id, why: "x" });
      await rest.next();
    }
    const { entries } = await clientOf(host, owner).history({ limit: 1_000 });
    expect(entries).toHaveLength(11);
    expect(entries.at(-1)).toMatchObject({ request: { action: { args: { command: "the decision" } } }, answer: { by: { role: "owner" } } });
  });

  it("shortens what is long, and keeps the digest", async () => {
    host = await start();
    const { step, rest } = await ask("x".repeat(100_000));
    await clientOf(host, owner).answer({ id: step.request.id, option: "once", digest: step.request.digest });
    await rest.next();
    const { entries } = await clientOf(host, owner).history({});
    expect(JSON.stringify(entries).length).toBeLessThan(12_000);
    expect(entries[0]?.request.digest).toBe(approvalOf("x".repeat(100_000)).digest);
  });

  it("stops with the host: what waited was not allowed", async () => {
    host = await start();
    const { rest } = await ask("ls");
    const end = rest.next().then(
      ({ value }) => value.answer.answer,
      (error) => error.code,
    );
    await host.close();
    expect(["cancelled", "PLINTH_STOPPING"]).toContain(await end);
  });
});
