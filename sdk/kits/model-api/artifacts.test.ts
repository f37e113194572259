import { describe, expect, it } from "vitest";
import type { ContentPart, ModelMessage } from "../../extension/index.ts";
import { withBytes } from "./artifacts.ts";

const held: Record<string, string> = { cat: "meow", dog: "woof!", whale: "x".repeat(100) };
const artifacts = () =>
  ({
    get: async ({ id }: { id: string }) => {
      if (held[id] === undefined) throw Object.assign(new Error("gone"), { code: "PLINTH_ARTIFACT_UNKNOWN" });
      return { artifact: { id, bytes: held[id].length, mimeType: "image/png", sha256: "", createdAt: 0 } };
    },
    async *read({ id }: { id: string }) {
      yield { base64: Buffer.from(held[id]!).toString("base64") };
    },
  }) as never;

const picture = (artifact: string): ContentPart => ({ type: "image", mimeType: "image/png", name: `${artifact}.png`, artifact });
const user = (...content: ContentPart[]): ModelMessage => ({ role: "user", content });
const tool = (...content: ContentPart[]): ModelMessage => ({ role: "tool", content: [{ type: "tool-result", callId: "c", name: "look", content }] });
const leave = () => {};
const signal = new AbortController().signal;
const base64 = (id: string) => Buffer.from(held[id]!).toString("base64");

/** Each picture's bytes, or the text in its place. */
const said = (messages: ModelMessage[]) =>
  messages.flatMap(({ content }) =>
    content
      .flatMap((part) => (part.type === "tool-result" ? part.content : [part]))
      .map((part) => ("base64" in part ? part.base64 : "text" in part ? part.text : part)),
  );

describe("what is kept as an artifact", () => {
  it("goes with its bytes, in what people say and in what tools give", async () => {
    const given = [user(picture("cat")), tool({ type: "text", text: "Here." }, picture("dog"))];
    expect(said(await withBytes(given, artifacts, { leave }, signal))).toEqual([base64("cat"), "Here.", base64("dog")]);
    expect(given[1]!.content[0]).toMatchObject({ content: [{ type: "text" }, { artifact: "dog" }] });
  });

  it("stays as it is in results for a server that takes text alone there, and in what the model made", async () => {
    const given: ModelMessage[] = [tool(picture("dog")), { role: "assistant", content: [picture("cat")] }];
    const limits = { part: 1_000, all: 1_000, results: false };
    expect(await withBytes(given, artifacts, { leave }, signal, limits)).toEqual(given);
  });

  it("is the newest where not all fits, and named where it is gone or too large", async () => {
    const given = [user(picture("cat")), tool(picture("dog")), tool(picture("nobody"))];
    expect(said(await withBytes(given, artifacts, { leave }, signal, { part: 50, all: 6 }))).toEqual([
      expect.stringContaining("too large"),
      base64("dog"),
      expect.stringContaining("is not kept any more"),
    ]);
    expect(said(await withBytes([tool(picture("whale"))], artifacts, { leave }, signal, { part: 50, all: 500 }))).toEqual([
      expect.stringContaining("too large"),
    ]);
  });
});
