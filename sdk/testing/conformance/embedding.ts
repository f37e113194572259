import assert from "node:assert/strict";
import type { Client, EmbeddingRequest } from "../../extension/index.ts";
import { assertCodedFailure, assertFits, type ConformanceCase, withOpened } from "./case.ts";
import { type PurposeSubject, purposeCases } from "./model-purpose.ts";

const ID = "plinth.embedding";
type Embedding = Client<"plinth.embedding">;
type Answer = Awaited<ReturnType<Embedding["embed"]>>;

export interface EmbeddingSubject extends PurposeSubject<Embedding, EmbeddingRequest> {
  /** A request with an input that is longer than the model takes. */
  long?: EmbeddingRequest;
  /** Dimensions that the model of `good` can be asked for, other than its own. */
  shorter?: number;
}

const text = (value: string) => [{ type: "text" as const, text: value }];

async function embed(provider: Embedding, request: EmbeddingRequest, options?: { signal?: AbortSignal }): Promise<Answer> {
  const answer = await provider.embed(request, options);
  await assertFits(ID, "embed", "output", answer);
  const bytes = { float32: answer.dimensions * 4, int8: answer.dimensions, bits: Math.ceil(answer.dimensions / 8) }[answer.form];
  assert.equal(answer.vectors.length, request.inputs.length, "there is one vector for each input");
  for (const one of answer.vectors) assert.equal(Buffer.from(one, "base64").length, bytes, "each has all its dimensions");
  return answer;
}

function numbers(vector: string): number[] {
  const bytes = Buffer.from(vector, "base64");
  return Array.from({ length: bytes.length / 4 }, (_, at) => bytes.readFloatLE(at * 4));
}

const closeness = (a: string, b: string): number => {
  const [left, right] = [numbers(a), numbers(b)];
  return left.reduce((sum, value, at) => sum + value * right[at]!, 0);
};

const one = (
  name: string,
  body: (provider: Embedding, subject: EmbeddingSubject) => Promise<void>,
  ...needs: (keyof EmbeddingSubject & string)[]
): ConformanceCase<EmbeddingSubject> => ({
  name,
  ...(needs.length > 0 ? { needs } : {}),
  run: (subject) => withOpened(subject.open, ({ provider }) => body(provider, subject)),
});

/** What `plinth.embedding` asks of every provider. */
export const embeddingConformance: readonly ConformanceCase<EmbeddingSubject>[] = [
  ...purposeCases<Embedding, EmbeddingRequest, EmbeddingSubject>({
    contract: ID,
    ask: async (provider, request, options) => [await embed(provider, request, options)],
  }),
  one("makes vectors of length one", async (provider, { good }) => {
    const { vectors, form } = await embed(provider, { ...good, form: "float32" });
    assert.equal(form, "float32");
    for (const vector of vectors) assert.ok(Math.abs(closeness(vector, vector) - 1) < 1e-3);
  }),
  one("gives each input its own vector, in the order in which they were asked, however many", async (provider, { good }) => {
    const words = Array.from({ length: 120 }, (_, at) => text(`The ${at}th of ${["stones", "rivers", "prime numbers"][at % 3]}.`));
    const [{ vectors }, alone] = await Promise.all([
      embed(provider, { ...good, inputs: words }),
      embed(provider, { ...good, inputs: [words[119]!, words[40]!] }),
    ]);
    assert.ok(closeness(vectors[119]!, alone.vectors[0]!) > 0.98, "the last is where it was asked for");
    assert.ok(closeness(vectors[40]!, alone.vectors[1]!) > 0.98, "one in the middle too");
  }),
  one("gives one identity to whatever can be held against each other", async (provider, { good }) => {
    const identity = async (more: Partial<EmbeddingRequest>) => (await embed(provider, { ...good, ...more, onUnsupported: "drop" })).identity;
    assert.equal(await identity({ purpose: "query" }), await identity({ purpose: "document" }));
    assert.equal(await identity({}), await identity({}));
  }),
  one(
    "makes shorter vectors where they are asked for, of length one and with another identity",
    async (provider, { good, shorter }) => {
      const [whole, short] = [await embed(provider, good), await embed(provider, { ...good, dimensions: shorter!, form: "float32" })];
      assert.equal(short.dimensions, shorter);
      assert.notEqual(short.identity, whole.identity);
      for (const vector of short.vectors) assert.ok(Math.abs(closeness(vector, vector) - 1) < 1e-3);
    },
    "shorter",
  ),
  one(
    "refuses what is too long, and cuts it where that is wanted",
    async (provider, { long }) => {
      const { code } = await assertCodedFailure(embed(provider, { ...long!, truncate: false }));
      assert.equal(code, "PLINTH_MODEL_CONTEXT");
      await embed(provider, { ...long!, truncate: true });
    },
    "long",
  ),
];
