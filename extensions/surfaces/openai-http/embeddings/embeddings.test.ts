import { describe, expect, it } from "vitest";
import { serving } from "../serving.testing.ts";

const vector = (...numbers: number[]): string => Buffer.from(Float32Array.from(numbers).buffer).toString("base64");

/** Its vectors say which text they are of. */
const provider = (id: string, priority: number, ready = true) => ({
  contract: "plinth.embedding" as const,
  id,
  descriptor: { title: id, priority, models: [{ id: `${id}-small` }] },
  provider: {
    status: () => (ready ? { ready, defaultModel: `${id}-default` } : { ready, reason: "no key" }),
    models: () => ({ models: [{ id: `${id}-small` }] }),
    embed: ({ inputs, model, dimensions = 2, form }: any) => ({
      ...{ model, identity: id, dimensions, form, usage: { inputTokens: inputs.length } },
      vectors: inputs.map(([{ text }]: any) => vector(text.length, 0.5)),
    }),
  } as never,
});

describe("embeddings", () => {
  it("gives a vector for each text, in order, however many there are, as numbers and as bytes", async () => {
    await using api = await serving([], { provide: [provider("one", 1)] });
    const input = Array.from({ length: 300 }, (_, at) => "x".repeat(at + 1));
    const { data, usage, model } = await api.client.embeddings.create({ model: "auto", input });
    expect(data.map(({ index, embedding }) => [index, embedding[0]])).toEqual(input.map((text, at) => [at, text.length]));
    expect(usage).toEqual({ prompt_tokens: 300, total_tokens: 300 });
    expect(model).toBe("one/one-default");
    const plain = await api.client.embeddings.create({ model: "auto", input: "abc", encoding_format: "float" });
    expect(plain.data[0]?.embedding).toEqual([3, 0.5]);
  });

  it("asks who is meant: a provider, its model, a model's own name, or the first that can answer", async () => {
    await using api = await serving([], { provide: [provider("one", 1, false), provider("two", 2)] });
    const made = async (model: string) => (await api.client.embeddings.create({ model, input: "x" })).model;
    expect(await made("auto")).toBe("two/two-default");
    expect(await made("two")).toBe("two/two-default");
    expect(await made("one/big")).toBe("one/big");
    expect(await made("two-small")).toBe("two/two-small");
    await expect(made("nobody")).rejects.toMatchObject({ status: 404, code: "model_not_found" });
  });

  it("says what to do where nobody makes them, and refuses tokens", async () => {
    await using api = await serving([]);
    const none = { status: 424, code: "PLINTH_MODEL_NONE", message: expect.stringContaining("Install an extension") };
    await expect(api.client.embeddings.create({ model: "auto", input: "x" })).rejects.toMatchObject(none);
    await expect(api.client.embeddings.create({ model: "auto", input: [1, 2] })).rejects.toMatchObject({ status: 400, param: "input" });
    await expect(api.client.embeddings.create({ model: "auto", input: "" })).rejects.toMatchObject({ status: 400, param: "input" });
  });
});
