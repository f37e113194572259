import type { ModelMessage } from "@plinth/sdk";
import fc from "fast-check";
import { expect, it } from "vitest";
import { ask } from "./api.testing.ts";
import type { Content } from "./contents.ts";
import { geminiRequest } from "./request.ts";

const kept = (part: object) => ({ data: { vendor: "lumen", model: "gemini-3-pro", part } });
const id = fc.constantFrom("a", "b", "call 1", "");
const text = fc.constantFrom("", " ", "hi", "half \ud83d").map((value) => ({ type: "text", text: value }));
const part = fc.oneof(
  text,
  text.map((one) => ({ ...one, opaque: kept({ thoughtSignature: "c2ln" }) })),
  fc.constant({ type: "reasoning", text: "hm", opaque: kept({}) }),
  fc.constant({ type: "opaque", opaque: kept({ text: "", thoughtSignature: "c2ln" }) }),
  fc.constant({ type: "image", mimeType: "image/png", base64: "AAAA" }),
  id.map((one) => ({ type: "tool-call", id: one, name: "game.dice", args: {} })),
  id.map((callId) => ({ type: "tool-result", callId, name: "game.dice", content: [{ type: "text", text: "4" }] })),
);
const message = fc.record({ role: fc.constantFrom("user", "assistant", "tool"), content: fc.array(part, { maxLength: 4 }) });

it("whatever stands in a conversation, what is sent is one that the server takes", () => {
  const endpoint = { vendor: "lumen", title: "Lumen", baseUrl: "http://localhost", headers: {} };
  fc.assert(
    fc.property(fc.array(message, { maxLength: 8 }), (messages) => {
      const { body } = geminiRequest(endpoint, ask("", { messages: messages as ModelMessage[], onUnsupported: "drop" }));
      const contents = body.contents as Content[];
      expect(JSON.stringify(body)).not.toMatch(/\\ud[89a-f]/i);
      expect([contents[0]?.role, contents.at(-1)?.role]).toEqual(["user", "user"]);
      for (const [at, { role, parts }] of contents.entries()) {
        expect(parts.length).toBeGreaterThan(0);
        for (const one of parts) if (one.text === "") expect(one.thoughtSignature).toBeDefined();
        const calls = parts.filter(({ functionCall }) => functionCall !== undefined).length;
        const answered = contents[at + 1]?.parts.filter(({ functionResponse }) => functionResponse !== undefined).length ?? 0;
        // Each round of calls has its results right behind it, as many as there are calls; results stand nowhere else.
        expect(answered).toBe(calls);
        if (calls > 0) expect([role, contents[at + 1]!.role, contents[at + 1]!.parts.length]).toEqual(["model", "user", calls]);
        // The first call of a round is signed.
        const first = parts.find(({ functionCall }) => functionCall !== undefined);
        if (first !== undefined) expect(first.thoughtSignature).toBeDefined();
      }
      expect(contents[0]!.parts.some(({ functionResponse }) => functionResponse !== undefined)).toBe(false);
    }),
    { numRuns: 400 },
  );
});
