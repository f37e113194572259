import type { ModelMessage } from "@plinth/sdk";
import fc from "fast-check";
import { expect, it } from "vitest";
import { ask } from "./api.testing.ts";
import { responsesRequest } from "./request.ts";

const kept = (item: object) => ({ data: { vendor: "lumen", model: "model-1", item } });
const id = fc.constantFrom("a", "b", "call 1", "", "x".repeat(80));
const text = fc.constantFrom("", " ", "hi", "half \ud83d").map((value) => ({ type: "text", text: value }));
const part = fc.oneof(
  text,
  text.map((one) => ({ ...one, opaque: kept({ type: "message", id: "msg_1" }) })),
  fc.constant({ type: "reasoning", text: "hm", opaque: kept({ type: "reasoning", id: "rs_1", summary: [], encrypted_content: "gAAA" }) }),
  fc.constant({ type: "opaque", opaque: kept({ type: "web_search_call", id: "ws_1", status: "completed" }) }),
  fc.constant({ type: "image", mimeType: "image/png", base64: "AAAA" }),
  id.map((one) => ({ type: "tool-call", id: one, name: "game.dice", args: {} })),
  id.map((one) => ({
    type: "tool-call",
    id: one,
    name: "game.dice",
    args: {},
    opaque: kept({ type: "function_call", id: "fc_1", call_id: "call_0" }),
  })),
  id.map((callId) => ({ type: "tool-result", callId, name: "game.dice", content: [{ type: "text", text: "4" }] })),
);
const message = fc.record({ role: fc.constantFrom("user", "assistant", "tool"), content: fc.array(part, { maxLength: 4 }) });

it("whatever stands in a conversation, what is sent is one that the server takes", () => {
  const endpoint = { vendor: "lumen", title: "Lumen", baseUrl: "http://localhost", headers: {} };
  fc.assert(
    fc.property(fc.array(message, { maxLength: 8 }), (messages) => {
      const { body } = responsesRequest(endpoint, ask("", { messages: messages as ModelMessage[], onUnsupported: "drop" }));
      const input = body.input as any[];
      expect(JSON.stringify(body)).not.toMatch(/\\ud[89a-f]/i);
      const of = (type: string) => input.flatMap((item, at) => (item.type === type ? [{ ...item, at }] : []));
      const [calls, outputs] = [of("function_call"), of("function_call_output")];
      for (const { call_id } of calls) expect(call_id).toMatch(/^[A-Za-z0-9_-]{1,64}$/);
      expect(new Set(calls.map(({ call_id }) => call_id)).size).toBe(calls.length);
      // Each call has one output, behind it; there is no other.
      expect(outputs.map(({ call_id }) => call_id).sort()).toEqual(calls.map(({ call_id }) => call_id).sort());
      for (const { call_id, at } of calls) expect(outputs.find((one) => one.call_id === call_id).at).toBeGreaterThan(at);
      for (const { at } of of("reasoning")) {
        const next = input[at + 1];
        expect(next !== undefined && next.type !== "function_call_output" && next.role !== "user").toBe(true);
      }
      for (const { content } of of("message")) {
        expect(content.length).toBeGreaterThan(0);
        for (const one of content) expect(one.text ?? one.refusal ?? "a picture").not.toBe("");
      }
    }),
    { numRuns: 400 },
  );
});
