import type { ModelMessage, Part } from "@plinth/sdk";
import type { TestHost } from "@plinth/sdk/testing";
import { afterEach, describe, expect, it } from "vitest";
import { checkedContent, harnessOf, messageFrom, messagesFor, surfaceContent } from "./harness-content.ts";
import { end, events, startTurns, subscriber, transcript } from "./turns.testing.ts";

let host: TestHost | undefined;
afterEach(() => host?.close());

const thought: Part = { type: "reasoning", text: "hm", opaque: { by: "plinth.models/big", data: "s3cret" } };
const said: Part = { type: "text", text: "Hello" };
const cited: Part = { type: "citation", url: "https://a.example/" };

describe("what a harness hands over", () => {
  const all = [
    { id: "native", extension: "plinth.native", trusted: true, descriptor: { title: "x", emits: [] } },
    { id: "x", extension: "acme.x", trusted: false, descriptor: { title: "x", emits: [] } },
  ];
  const message: ModelMessage = { role: "assistant", content: [thought, said], origin: { by: "owner" } };

  it("is a third party's own, whatever it writes on it, and the product's as it stands", () => {
    expect(messageFrom(message, harnessOf(all, "x"))).toEqual({
      role: "assistant",
      content: [{ ...thought, opaque: { by: "acme.x/x", data: "s3cret" } }, said],
    });
    expect(messageFrom(message, harnessOf(all, "native"))).toEqual({ role: "assistant", content: [thought, said] });
    expect(harnessOf(all, "gone")).toMatchObject({ trusted: false });
  });

  it("shows it nothing opaque but its own", () => {
    const [seen] = messagesFor([message], harnessOf(all, "x"));
    expect(seen!.content).toEqual([{ type: "reasoning", text: "hm" }, said]);
    const own = { role: "assistant" as const, content: [{ ...thought, opaque: { by: "acme.x/x", data: 1 } }] };
    expect(messagesFor([own], harnessOf(all, "x"))).toEqual([own]);
    expect(messagesFor([message], harnessOf(all, "native"))).toEqual([message]);
  });
});

describe("an answer of more than text", () => {
  it("keeps its parts where its text was not changed, and loses what hung on the text where it was", () => {
    expect(checkedContent([thought, said, cited], "Hello")).toEqual([thought, said, cited]);
    expect(checkedContent([thought, said, cited], "H*llo")).toEqual([thought, { type: "text", text: "H*llo" }]);
    expect(checkedContent([thought, said, cited], "")).toEqual([thought]);
    expect(surfaceContent([said])).toBeUndefined();
    expect(surfaceContent([thought, said])).toEqual([{ type: "reasoning", text: "hm" }, said]);
  });

  it("is stored whole, and told in the end without what is only its model's", async () => {
    host = await startTurns({
      async *run() {
        yield { type: "part", part: cited };
        yield { type: "message", message: { role: "assistant", content: [thought, said, cited], model: "x/y" } };
        yield { type: "done", text: "Hello" };
      },
    });
    expect(await events(host, "hi")).toMatchObject([
      { type: "start" },
      { type: "part", part: cited },
      { type: "end", text: "Hello", content: [{ type: "reasoning", text: "hm" }, said, cited] },
    ]);
    const { entries } = await host.use("plinth.session-store").one().history({ key: "main", opaque: true });
    expect(entries[1]!.body).toEqual({ kind: "message", message: { role: "assistant", content: [thought, said, cited], model: "x/y" } });
  });

  it("is sent as it was checked", async () => {
    host = await startTurns({
      async *run() {
        yield { type: "message", message: { role: "assistant", content: [said, cited] } };
        yield { type: "done", text: "Hello" };
      },
      extensions: [subscriber("message.sending", (payload) => ({ ...payload, text: "H*llo" }))],
    });
    expect(await end(host, "hi")).toMatchObject({ text: "H*llo" });
    expect((await transcript(host))[1]).toEqual({ kind: "message", message: { role: "assistant", content: [{ type: "text", text: "H*llo" }] } });
  });
});

it("passes over what a harness says of kinds that are not known", async () => {
  host = await startTurns({
    async *run() {
      yield { type: "telepathy", what: 1 };
      yield { type: "text", delta: "ok" };
      yield { type: "done", text: "ok" };
    },
  });
  expect((await events(host, "hi")).map(({ type }) => type)).toEqual(["start", "text", "end"]);
});
