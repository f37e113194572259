import type { Extension, InteractionQuestion, InteractionStep } from "@plinth/sdk";
import { questionOf, type TestExtension, type TestHost } from "@plinth/sdk/testing";
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
