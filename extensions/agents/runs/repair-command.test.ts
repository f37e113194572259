import { outgoing } from "@plinth/sdk/kits/model-api";
import { scriptedModels, type TestHost } from "@plinth/sdk/testing";
import { afterEach, describe, expect, it } from "vitest";
import { end, owner, shout, startTurns, transcript } from "./turns.testing.ts";

let host: TestHost;
afterEach(() => host.close());

it("/repair shows what is changed on the way to the model, and changes nothing", async () => {
  const asked: any[] = [];
  const models = scriptedModels([{ id: "acme" }]);
  const provider = {
    ...models.provider,
    repairs: (input: any) => {
      asked.push(input);
      return {
        name: "acme/m",
        repairs: asked.length === 1 ? [] : [{ code: "empty", message: 1, said: "A message in which nothing is said was left out." }],
      };
    },
  };
  host = await startTurns({ provide: [{ ...models, provider: provider as never }], route: { model: "acme/m" } });
  const typed = (text: string) => host.as(owner, () => end(host, text));
  expect((await typed("/repair")).text).toBe("Nothing was said here yet.");
  await typed("hello");
  expect((await typed("/repair")).text).toBe("The 2 messages of this conversation can be sent to `acme/m` as they are.");
  expect(asked[0]).toMatchObject({ model: "acme/m", messages: [{ role: "user" }, { role: "assistant" }] });
  const before = (await transcript(host)).filter(({ kind }) => kind !== "command");
  const { text } = await typed("/repair");
  expect(text).toContain("one thing is changed");
  expect(text).toContain("- Message 2 (assistant “HELLO”): A message in which nothing is said was left out.");
  expect((await transcript(host)).filter(({ kind }) => kind !== "command")).toEqual(before);
});

describe("/repair apply", () => {
  /** A conversation with a broken message and a mute one; the models say what the real ones would. */
  async function broken(provide: any[] = []) {
    const seen: any[][] = [];
    const models = scriptedModels([{ id: "acme" }]);
    const provider = {
      ...models.provider,
      repairs: ({ messages }: any) => ({ name: "acme/m", repairs: outgoing({ model: "m", messages }).repairs }),
    };
    host = await startTurns({
      provide: [{ ...models, provider: provider as never }, ...provide],
      route: { model: "acme/m" },
      run: async function* (input) {
        seen.push(input.history);
        yield* shout(input);
      },
    });
    const say = (role: "user" | "assistant", text: string): any => ({ kind: "message", message: { role, content: [{ type: "text", text }] } });
    await host.as(owner, () =>
      host
        .use("plinth.session-store")
        .one()
        .append({
          key: "main",
          bodies: [
            say("user", "half \ud83d of it"),
            say("assistant", "I see."),
            { kind: "message", message: { role: "user", content: [] } },
            say("assistant", "Hm."),
          ],
        }),
    );
    const typed = (text: string) => host.as(owner, () => end(host, text));
    return { seen, typed };
  }
  const texts = (history: any[]) => history.map(({ content }) => content.map(({ text }: any) => text).join());

  it("keeps what is wrong for every model as an entry of its own, and is told in the chat", async () => {
    const { seen, typed } = await broken();
    expect((await typed("/repair")).text).toContain("`/repair apply` keeps what can be kept");
    const before = await transcript(host);
    const { text } = await typed("/repair apply");
    expect(text).toContain("- Message 1 (user “half");
    expect(text).toContain("`/repair undo` takes this back.");
    const after = await transcript(host);
    expect(after.slice(0, before.length), "nothing of before is changed").toEqual(before);
    expect(after.slice(before.length)).toMatchObject([
      { kind: "repair", entries: [{ code: "text" }, { code: "empty" }] },
      { kind: "command", command: "/repair apply", answer: text },
    ]);
    expect((await typed("/repair")).text).toContain("can be sent to `acme/m` as they are");
    await typed("and now");
    expect(texts(seen[0]!)).toEqual(["half \ufffd of it", "I see.", "(no text)", "Hm.", "and now"]);
    expect((await typed("/repair apply")).text).toContain("can be sent to `acme/m` as they are");
  });

  it("is taken back step by step", async () => {
    const { seen, typed } = await broken();
    await typed("/repair apply");
    expect((await typed("/repair without")).text).toContain("- Message 2 (assistant “I see.”): text");
    expect((await typed("/repair without 2")).text).toContain("Message 2 (assistant “I see.”): It is left out");
    await typed("one");
    expect((await typed("/repair undo")).text).toContain("models are shown its message as before");
    await typed("two");
    expect((await typed("/repair undo")).text).toContain("models are shown its 2 messages as before");
    expect((await typed("/repair undo")).text).toBe("No repair holds here.");
    await typed("three");
    expect(texts(seen[0]!).slice(0, 3)).toEqual(["half \ufffd of it", "(no text)", "Hm."]);
    expect(texts(seen[1]!).slice(0, 3)).toEqual(["half \ufffd of it", "I see.", "(no text)"]);
    expect(texts(seen[2]!).slice(0, 3)).toEqual(["half \ud83d of it", "I see.", ""]);
  });

  it.each(["/repair without 99", "/repair without x", "/repair all", "/repair apply 1", "/repair without 1 2"])(
    "%s changes nothing and says how it is typed",
    async (line) => {
      const { typed } = await broken();
      expect((await typed(line)).text).toContain("`/repair undo`");
      expect((await transcript(host)).filter(({ kind }) => kind === "repair")).toEqual([]);
    },
  );

  it("is the owner's own word: neither a guest's nor what a third party had a hand in", async () => {
    await broken();
    const run = (principal: any) =>
      host.as(principal, async () => {
        for await (const _ of host.use("plinth.chat-command").get("repair").run({ args: "apply", sessionKey: "main" })) void _;
      });
    await expect(run({ role: "guest", via: "test" })).rejects.toMatchObject({ code: "PLINTH_PERMISSION" });
    await host.as(owner, async () => {
      host.lower("acme.other", "changed turn.prepare");
      const items = host.use("plinth.chat-command").get("repair").run({ args: "apply", sessionKey: "main" });
      await expect(items[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: "PLINTH_PERMISSION" });
    });
    expect((await transcript(host)).filter(({ kind }) => kind === "repair")).toEqual([]);
  });
});
