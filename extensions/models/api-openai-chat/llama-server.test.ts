import type { ModelEvent, ModelRequest } from "@plinth/sdk";
import { describe, expect, it } from "vitest";
import { collect, endpointOf, openApi } from "./opened.testing.ts";

/** A llama-server that runs already, such as `llama-server -m tiny.gguf --port 18090 -c 2048`: http://127.0.0.1:18090. */
const url = process.env.PLINTH_LLAMA_URL;

async function asked(request: Partial<ModelRequest>, text = "hello", signal?: AbortSignal): Promise<ModelEvent[]> {
  const { host, api } = await openApi();
  try {
    const given: ModelRequest = { model: "tiny", messages: [{ role: "user", content: [{ type: "text", text }] }], maxOutputTokens: 24, ...request };
    return await collect(api.stream({ endpoint: endpointOf(url!), request: given }, signal === undefined ? {} : { signal }));
  } finally {
    await host.close();
  }
}

if (url === undefined) {
  it.skip("a real llama-server is not asked: PLINTH_LLAMA_URL does not say where one runs", () => {});
} else {
  describe("a real llama-server", () => {
    it("streams an answer that ends at its limit, with usage", async () => {
      const events = await asked({ seed: 1 });
      expect(events.filter(({ type }) => type === "text").length).toBeGreaterThan(1);
      expect(events.find(({ type }) => type === "usage")).toMatchObject({ usage: { outputTokens: 24 } });
      expect(events.at(-1)).toEqual({ type: "end", reason: "length" });
    });

    it("is bound to a schema by its grammar", async () => {
      const schema = {
        type: "object",
        properties: { ok: { type: "boolean" }, tool: { enum: ["exec", "read"] } },
        required: ["ok", "tool"],
        additionalProperties: false,
      };
      const events = await asked({ output: { schema }, maxOutputTokens: 200 });
      const said = events.map((event) => (event.type === "text" ? event.delta : "")).join("");
      expect(JSON.parse(said)).toEqual({ ok: expect.any(Boolean), tool: expect.stringMatching(/^(exec|read)$/) });
    });

    it("refuses what is longer than its context as such", async () => {
      const error = await asked({}, "word ".repeat(20_000)).then(
        () => undefined,
        (thrown) => thrown,
      );
      expect(error).toMatchObject({ code: "PLINTH_MODEL_CONTEXT", details: { retryable: false, status: 400 } });
    });

    it("stops when nobody reads, and lists its model with the context that it was trained for", async () => {
      const leaving = new AbortController();
      const reading = asked({ maxOutputTokens: 1_500 }, "hello", leaving.signal);
      setTimeout(() => leaving.abort(), 50);
      await expect(reading).rejects.toMatchObject({ code: "PLINTH_ABORTED" });
      const { host, api } = await openApi();
      const { models } = await api.models({ endpoint: endpointOf(url) });
      await host.close();
      expect(models).toMatchObject([{ id: expect.any(String), contextTokens: expect.any(Number) }]);
    });
  });
}
