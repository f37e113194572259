import { type TranscriptEntry, textOf, toolCallsOf, toolResultsOf } from "@plinth/sdk";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { modelHistory as whole } from "./model-history.ts";

const entry = (body: TranscriptEntry["body"]): TranscriptEntry => ({ id: "x", parent: null, seq: 1, at: 0, body });
const user = (text: string) => entry({ kind: "message", message: { role: "user", content: [{ type: "text", text }] } });
const say = (text: string) => entry({ kind: "message", message: { role: "assistant", content: [{ type: "text", text }] } });
const calls = (...ids: string[]) =>
  entry({ kind: "message", message: { role: "assistant", content: ids.map((id) => ({ type: "tool-call" as const, id, name: "t", args: {} })) } });
const result = (callId: string) =>
  entry({ kind: "message", message: { role: "tool", content: [{ type: "tool-result", callId, name: "t", content: [] }] } });
const end = entry({ kind: "run-end", status: "ok" });

const modelHistory = (entries: readonly TranscriptEntry[], max: number) => whole(entries, max).messages;

describe("the history that a model is shown", () => {
  it("begins with a message of the user and leaves out what is not said", () => {
    expect(modelHistory([say("cut off"), user("a"), say(""), end, entry({ kind: "command", command: "/x", answer: "y" }), user("b")], 1_000)).toEqual(
      [
        { role: "user", content: [{ type: "text", text: "a" }] },
        { role: "user", content: [{ type: "text", text: "b" }] },
      ],
    );
  });

  it("is cut at a message of the user, the newest one always stays", () => {
    const entries = [user("a".repeat(100)), say("b"), user("c".repeat(100)), say("d"), user("e".repeat(100))];
    const texts = (max: number) => modelHistory(entries, max).map((message) => textOf(message.content)[0]);
    expect(texts(1_000)).toEqual(["a", "b", "c", "d", "e"]);
    // The first one says that something was left out.
    expect(texts(450)).toEqual(["E", "c", "d", "e"]);
    expect(texts(10)).toEqual(["E", "e"]);
  });

  it("has exactly one result right behind each call, whatever is missing", async () => {
    const id = fc.constantFrom("1", "2", "3");
    const any = fc.oneof(
      fc.constant(user("u")),
      fc.constant(say("s")),
      fc.constant(end),
      fc.uniqueArray(id, { minLength: 1 }).map((ids) => calls(...ids)),
      id.map(result),
    );
    fc.assert(
      fc.property(fc.array(any), (entries) => {
        const messages = modelHistory([...entries, user("last")], 1_000_000);
        expect(messages[0]!.role).toBe("user");
        expect(messages.at(-1)).toEqual({ role: "user", content: [{ type: "text", text: "last" }] });
        for (let at = 0; at < messages.length; ) {
          const message = messages[at++]!;
          expect(message.role).not.toBe("tool");
          const open = toolCallsOf(message.content).map((call) => call.id);
          const answered = messages.slice(at, at + open.length).map((answer) => toolResultsOf(answer.content)[0]?.callId ?? "?");
          expect(answered.sort()).toEqual(open.sort());
          at += open.length;
        }
      }),
    );
  });
});
