import assert from "node:assert/strict";
import type { Client, RerankRequest } from "../../extension/index.ts";
import { assertFits, type ConformanceCase, withOpened } from "./case.ts";
import { type PurposeSubject, purposeCases } from "./model-purpose.ts";

const ID = "plinth.rerank";
type Rerank = Client<"plinth.rerank">;

export interface RerankSubject extends PurposeSubject<Rerank, RerankRequest> {
  /** Which document of `good` answers its query. There are at least three. */
  best: number;
}

async function ranked(provider: Rerank, request: RerankRequest, options?: { signal?: AbortSignal }) {
  const answer = await provider.rerank(request, options);
  await assertFits(ID, "rerank", "output", answer);
  const { results } = answer;
  assert.equal(results.length, Math.min(request.top ?? request.documents.length, request.documents.length));
  assert.equal(new Set(results.map(({ index }) => index)).size, results.length, "each is there once");
  for (const { index } of results) assert.ok(index < request.documents.length, "each is one of the request's");
  for (const [at, { score }] of results.entries()) assert.ok(at === 0 || score <= results[at - 1]!.score, "the best is first");
  return results;
}

const one = (name: string, body: (provider: Rerank, subject: RerankSubject) => Promise<void>): ConformanceCase<RerankSubject> => ({
  name,
  run: (subject) => withOpened(subject.open, ({ provider }) => body(provider, subject)),
});

/** What `plinth.rerank` asks of every provider. */
export const rerankConformance: readonly ConformanceCase<RerankSubject>[] = [
  ...purposeCases<Rerank, RerankRequest, RerankSubject>({
    contract: ID,
    ask: async (provider, request, options) => [await ranked(provider, request, options)],
  }),
  one("puts what answers first, wherever it stood", async (provider, { good, best }) => {
    assert.equal((await ranked(provider, good))[0]?.index, best);
    const documents = [...good.documents].reverse();
    assert.equal((await ranked(provider, { ...good, documents }))[0]?.index, documents.length - 1 - best);
  }),
  one("gives as many as are wanted, and never more than there are", async (provider, { good, best }) => {
    const [first, ...others] = await ranked(provider, { ...good, top: 2 });
    assert.deepEqual([first?.index, others.length], [best, 1]);
    await ranked(provider, { ...good, top: 1_000 });
  }),
];
