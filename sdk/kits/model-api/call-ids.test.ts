import { expect, it } from "vitest";
import { CallIds } from "./call-ids.ts";
import { outgoing } from "./outgoing.ts";

it.each(["any", "nine", "forty", "sixty-four"] as const)(
  "gives each of very many calls of one id its own, of the form %s, the same ones again",
  (form) => {
    const made = () => {
      const ids = new CallIds(form);
      return Array.from({ length: 50_000 }, () => ids.next("a"));
    };
    const first = made();
    expect(new Set(first).size).toBe(first.length);
    expect(made()).toEqual(first);
  },
);

it("gives each of very many calls of one id the result that came for it, in their order", () => {
  const calls = Array.from({ length: 50_000 }, (_, at) => ({ type: "tool-call" as const, id: "a", name: "t", args: { at } }));
  const results = calls.map(({ args }) => ({
    ...{ type: "tool-result" as const, callId: "a", name: "t" },
    content: [{ type: "text" as const, text: String(args.at) }],
  }));
  const { request } = outgoing({
    model: "m",
    messages: [
      { role: "assistant", content: calls },
      { role: "tool", content: results },
    ],
  });
  const [told, answered] = request.messages.map(({ content }) => content as any[]);
  expect(answered!.map(({ content: [part] }) => part.text)).toEqual(calls.map(({ args }) => String(args.at)));
  expect(answered!.map(({ callId }) => callId)).toEqual(told!.map(({ id }) => id));
  expect(new Set(told!.map(({ id }) => id)).size).toBe(calls.length);
});
