import type { Extension, InteractionQuestion, InteractionStep } from "@plinth/sdk";
import { approvalOf, questionOf, type TestExtension, type TestHost } from "@plinth/sdk/testing";
import { afterEach, describe, expect, it } from "vitest";
import { clientOf, guest, owner, start } from "./interactions.testing.ts";

let host: TestHost;
afterEach(() => host?.close());

type Asked = Parameters<ReturnType<typeof clientOf>["ask"]>[0];

/** Ask and leave it open; the request, and the rest of the stream. */
async function ask(asked: Asked): Promise<{ request: InteractionQuestion; rest: AsyncIterator<InteractionStep> }> {
  const rest = clientOf(host, guest).ask(asked)[Symbol.asyncIterator]();
  return { request: ((await rest.next()).value as InteractionStep).request as InteractionQuestion, rest };
}

const answerIn = async (rest: AsyncIterator<InteractionStep>) => ((await rest.next()).value as InteractionStep & { state: "answered" }).answer;
const terminal = { cwd: "/", json: false, tty: true, columns: 80, color: false, local: false };

async function shell(id: string, args: Record<string, string | string[]>, options: Record<string, string | boolean> = {}): Promise<string> {
  let text = "";
  await host.as(owner, async () => {
    for await (const item of host.use("plinth.cli-command").get(id).run({ args, options, terminal })) if ("out" in item) text += item.out;
  });
  return text;
}

async function say(name: string, args: string, sessionKey = "conformance"): Promise<string> {
  let text = "";
  await host.as(owner, async () => {
    for await (const item of host.use("plinth.chat-command").get(name).run({ args, sessionKey })) if ("text" in item) text += item.text;
  });
  return text;
}

const form = (properties: object, required: string[] = []): Asked => questionOf("form", { schema: { type: "object", properties, required } });

describe("what is asked", () => {
  it("is a form that every surface can show", async () => {
    host = await start();
    const { request } = await ask(
      form(
        {
          name: { type: "string", title: "Name", description: "As on the card.", maxLength: 40 },
          story: { type: "string", maxLength: 4_000 },
          when: { type: "string", format: "date", default: "2026-01-31" },
          count: { type: "integer", minimum: 1 },
          sure: { type: "boolean", default: true },
          color: {
            type: "string",
            oneOf: [
              { const: "r", title: "Red" },
              { const: "b", title: "Blue" },
            ],
          },
          old: { type: "string", enum: ["a", "b"], enumNames: ["One", "Two"] },
          many: { type: "array", items: { type: "string", enum: ["x", "y"] } },
        },
        ["name"],
      ),
    );
    expect(request.fields).toEqual([
      { name: "name", title: "Name", description: "As on the card.", type: "text", required: true },
      { name: "story", title: "story", type: "text", required: false, long: true },
      { name: "when", title: "when", type: "text", required: false, format: "date", default: "2026-01-31" },
      { name: "count", title: "count", type: "integer", required: false },
      { name: "sure", title: "sure", type: "boolean", required: false, default: true },
      {
        name: "color",
        title: "color",
        type: "choice",
        required: false,
        options: [
          { id: "r", label: "Red" },
          { id: "b", label: "Blue" },
        ],
      },
      {
        name: "old",
        title: "old",
        type: "choice",
        required: false,
        options: [
          { id: "a", label: "One" },
          { id: "b", label: "Two" },
        ],
      },
      {
        name: "many",
        title: "many",
        type: "choices",
        required: false,
        options: [
          { id: "x", label: "x" },
          { id: "y", label: "y" },
        ],
      },
    ]);
  });

  it.each([
    ["a nested form", form({ address: { type: "object", properties: {} } })],
    ["a password in a form", form({ word: { type: "string", format: "password" } })],
    ["a choice of what is no text", form({ n: { enum: [1, 2] } })],
    ["a form that is too large", form({ n: { type: "string", title: "x".repeat(20_000) } })],
    [
      "an option twice",
      questionOf("choice", {
        choices: [
          { id: "a", label: "A" },
          { id: "a", label: "B" },
        ],
      }),
    ],
    ["a page that is none", questionOf("url", { url: "javascript:alert(1)" })],
    ["a page that hides where it leads", questionOf("url", { url: "https://bank.example@evil.example/" })],
  ])("is not %s", async (_, asked) => {
    host = await start();
    await expect(ask(asked)).rejects.toMatchObject({ code: "PLINTH_INTERACTION_INVALID" });
    expect((await clientOf(host, owner).pending({})).requests).toEqual([]);
  });

  it("hides nothing, on any surface, and says whose it is", async () => {
    const hostile = "ok\u202e\u001b[2K\u200b[x](https://evil.example)";
    host = await start();
    const more = { message: hostile, title: hostile, from: hostile, choices: [{ id: "a", label: hostile }] };
    const { request } = await ask(questionOf("choice", more));
    const texts = [
      JSON.stringify(request),
      await shell("questions.show", { id: request.id }),
      await shell("questions.list", {}),
      await say("questions", ""),
    ];
    for (const text of texts) expect(Array.from("\u001b\u202e\u200b").filter((char) => text.includes(char))).toEqual([]);
    expect(texts[3]).not.toContain("[x](");
    expect(texts[1]).toContain("Asks");
  });
});

describe("a question of another publisher's extension", () => {
  const stranger = (): { extension: TestExtension; ctx: () => any } => {
    let context: any;
    return {
      extension: {
        manifest: {
          ...{ id: "acme.x", version: "1.0.0", title: "x", description: "", engines: { plinth: "*" }, entry: "./index.js" },
          uses: [{ contract: "plinth.interaction", range: "^1" }],
        },
        extension: { activate: (ctx) => void (context = ctx) } satisfies Extension,
      },
      ctx: () => context,
    };
  };
  const inTurn = { ...owner, scope: { session: "theirs", run: "r1" } };

  it("is asked within a turn, in its own name and that turn's conversation, whatever it says", async () => {
    const { extension, ctx } = stranger();
    host = await start({}, [extension]);
    await host.activate("acme.x");
    const asking = host.as(inTurn, () =>
      ctx()
        .use("plinth.interaction")
        .one()
        .ask(questionOf("text", { from: "plinth.tools", tool: "exec", sessionKey: "main" })),
    );
    const steps = asking[Symbol.asyncIterator]();
    const { request } = (await steps.next()).value;
    expect(request).toMatchObject({ from: "acme.x", askedBy: "acme.x", sessionKey: "theirs", runId: "r1" });
    expect(request).not.toHaveProperty("tool");
    await clientOf(host, owner).answer({ id: request.id, digest: request.digest, values: { text: "hi" } });
    expect((await steps.next()).value.answer.values).toEqual({ text: "hi" });
  });

  it.each([
    ["outside of a turn", owner, questionOf("text")],
    ["for a secret", inTurn, questionOf("secret")],
  ])("is not asked %s", async (_, principal, asked) => {
    const { extension, ctx } = stranger();
    host = await start({}, [extension]);
    await host.activate("acme.x");
    const asking = host.as(principal, () => ctx().use("plinth.interaction").one().ask(asked)[Symbol.asyncIterator]().next());
    await expect(asking).rejects.toMatchObject({ code: "PLINTH_INTERACTION_FORBIDDEN" });
  });
});

describe("the questions of others than the product", () => {
  const of = (from: string, n: number, more: object = {}) =>
    clientOf(host, guest)
      .ask(questionOf("text", { from, message: `number${n}`, sessionKey: `s${n}`, runId: `r${n}`, ...more }))
      [Symbol.asyncIterator]();
  const step = async (from: string, n: number, more: object = {}) => (await of(from, n, more).next()).value as InteractionStep;
  const approval = async (more: object) =>
    ((await clientOf(host, guest).ask(approvalOf("git status", more))[Symbol.asyncIterator]().next()).value as InteractionStep).state;
  async function deny(from: string, n: number, more: object = {}): Promise<void> {
    const rest = of(from, n, more);
    const { request } = (await rest.next()).value as InteractionStep;
    await clientOf(host, owner).answer({ id: request.id, digest: request.digest, decline: true });
    await rest.next();
  }

  it("wait eight at a time of each of them, in all conversations together", async () => {
    host = await start();
    for (let n = 0; n < 8; n++) expect((await step("acme.x", n)).state).toBe("asked");
    expect(await step("acme.x", 8)).toMatchObject({ answer: { why: expect.stringContaining("8 questions of acme.x wait") } });
    expect((await step("mcp:desk", 9)).state).toBe("asked");
  });

  it("take no room of the product's: neither in all, nor in a conversation, nor within the window, nor after denials", async () => {
    host = await start({ maxPending: 3, maxPendingInSession: 2, asks: 1 });
    for (let n = 0; n < 3; n++) expect((await step(`acme.x${n}`, n)).state).toBe("asked");
    expect(await step("acme.x4", 4)).toMatchObject({ answer: { why: expect.stringContaining("3 questions wait") } });
    expect(await approval({ sessionKey: "s0", runId: "r0" })).toBe("asked");
    await host.close();
    host = await start({ maxPendingInSession: 2 });
    const one = { sessionKey: "s", runId: "r" };
    for (let n = 0; n < 3; n++) await deny(`acme.x${n}`, n, one);
    for (let n = 0; n < 2; n++) await step("acme.y", n, { ...one, runId: "r2" });
    expect((await step("acme.y", 3, { ...one, runId: "r3" })).state).toBe("answered");
    expect(await approval(one)).toBe("asked");
    expect((await step("plinth.tools", 4, one)).state).toBe("asked");
  });

  it("end for a while when the owner denied three, in whatever conversation; nobody's no is none", async () => {
    host = await start({ windowMs: 60_000 });
    for (let n = 0; n < 3; n++) await deny("acme.x", n);
    expect(await step("acme.x", 3)).toMatchObject({
      answer: { why: expect.stringMatching(/^acme\.x was denied 3 times within 60 seconds\. It asks nothing until .* UTC\.$/) },
    });
    for (let n = 4; n < 8; n++) {
      const rest = of("mcp:desk", n);
      const { state, request } = (await rest.next()).value as InteractionStep;
      expect(state).toBe("asked");
      await clientOf(host, owner).withdraw({ id: request.id, why: "Nobody sits there." });
    }
  });

  it("are as many within the window as those of one conversation", async () => {
    host = await start({ asks: 2, maxPendingOfParty: 100 });
    for (let n = 0; n < 2; n++) expect((await step("acme.x", n)).state).toBe("asked");
    expect(await step("acme.x", 2)).toMatchObject({ answer: { why: expect.stringContaining("acme.x asked 2 times") } });
    expect((await step("acme.y", 2)).state).toBe("asked");
  });
});

describe("an answer in words", () => {
  it("is a choice's number, its label, or a text; in the conversation that waits no id is needed", async () => {
    host = await start();
    const one = await ask(questionOf("choice"));
    expect(await say("questions", "")).toContain(`/answer ${one.request.id} 1…2`);
    await expect(say("answer", "7")).rejects.toMatchObject({ code: "PLINTH_INTERACTION_VALUES", next: expect.stringContaining("2 (Blue)") });
    expect(await say("answer", "2")).toContain("answered (Blue)");
    expect(await answerIn(one.rest)).toMatchObject({ answer: "chosen", option: "blue" });
    const two = await ask(questionOf("text"));
    await say("answer", `${two.request.id} two words`, "elsewhere");
    expect((await answerIn(two.rest)).values).toEqual({ text: "two words" });
    await expect(say("answer", "2")).rejects.toMatchObject({ code: "PLINTH_USAGE" });
  });

  it("means what is shown: the number is the place and a word is the label, whatever ids the options have", async () => {
    const options = [
      { id: "2", label: "No, leave it" },
      { id: "1", label: "Yes, delete all" },
      { id: "No, leave it", label: "3" },
      { id: "delete", label: "Keep" },
      { id: "keep", label: "Delete" },
    ];
    host = await start();
    for (const [said, id] of [
      ["1", "2"],
      ["2", "1"],
      ["3", "No, leave it"],
      ["no, leave it", "2"],
      ["Keep", "delete"],
      ["DELETE", "keep"],
    ] as const) {
      const { request, rest } = await ask(questionOf("choice", { choices: options }));
      await shell("questions.answer", { id: request.id, reply: [said] });
      expect(await answerIn(rest), said).toMatchObject({ answer: "chosen", option: id });
      const names = options.map((one) => one.id);
      const titles = options.map((one) => one.label);
      const field = await ask(
        form({ what: { type: "string", enum: names, enumNames: titles }, all: { type: "array", items: { enum: names, enumNames: titles } } }),
      );
      await shell("questions.answer", { id: field.request.id, reply: [`what=${said}`, ...(said.includes(",") ? [] : [`all=${said}`])] });
      expect((await answerIn(field.rest)).values, said).toEqual({ what: id, ...(said.includes(",") ? {} : { all: [id] }) });
    }
    const twice = await ask(
      questionOf("choice", {
        choices: [
          { id: "a", label: "Go" },
          { id: "go", label: "go" },
        ],
      }),
    );
    await expect(shell("questions.answer", { id: twice.request.id, reply: ["GO"] })).rejects.toMatchObject({ code: "PLINTH_INTERACTION_VALUES" });
  });

  it("is name=value for a form, each as its type wants it", async () => {
    host = await start();
    const { request, rest } = await ask(questionOf("form"));
    expect(await shell("questions.show", { id: request.id })).toContain(`plinth questions answer ${request.id} name=… size=… sure=…`);
    const reply = (...words: string[]) => shell("questions.answer", { id: request.id, reply: words });
    await expect(reply("size=large", "name=Ann")).rejects.toMatchObject({ code: "PLINTH_INTERACTION_VALUES" });
    await expect(reply("colour=red")).rejects.toMatchObject({ code: "PLINTH_INTERACTION_VALUES" });
    await reply("name=Ann Example", "size=3", "sure=yes");
    expect((await answerIn(rest)).values).toEqual({ name: "Ann Example", size: 3, sure: true });
    expect(await shell("questions.history", {})).toContain("answered");
    expect(await shell("approvals.history", {})).toBe("Nothing was asked yet.\n");
  });

  it("can be none, and a secret is not typed where it is seen", async () => {
    host = await start();
    const { request, rest } = await ask(questionOf("secret"));
    await expect(say("answer", "hunter2")).rejects.toMatchObject({ code: "PLINTH_USAGE" });
    await expect(shell("questions.answer", { id: request.id, reply: ["hunter2"] })).rejects.toMatchObject({ code: "PLINTH_USAGE" });
    await shell("questions.answer", { id: request.id }, { decline: true });
    expect((await answerIn(rest)).answer).toBe("declined");
    const again = await ask(questionOf("text", { runId: "another" }));
    await say("deny", again.request.id);
    expect((await answerIn(again.rest)).answer).toBe("declined");
  });

  it("is for those who know questions: who follows approvals alone hears of none", async () => {
    host = await start();
    const { request } = await ask(questionOf("confirm"));
    const list = async (id: string) =>
      (await host.as(owner, () => host.use("plinth.gateway-method").get(id).call({}))) as { requests: { id: string }[] };
    expect((await list("approvals.list")).requests).toEqual([]);
    expect((await list("questions.list")).requests.map(({ id }) => id)).toEqual([request.id]);
  });
});
