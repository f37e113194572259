import assert from "node:assert/strict";
import { errorInfo } from "../../extension/index.ts";
import { assertCodedFailure, assertFits, type ConformanceCase, collect, withOpened } from "./case.ts";

interface Options {
  signal?: AbortSignal;
}

/** What the providers of models for one purpose have in common, whichever contract it is. */
export interface PurposeClient {
  status(input: object): Promise<{ ready: boolean; reason?: string }>;
  models(input: object): Promise<{ models: readonly { id: string }[] }>;
}

export interface PurposeSubject<Client, Request> {
  /** A fresh, ready provider for each case. A provider with `api` is given with the endpoint filled in. */
  open(): Promise<{ provider: Client; close?(): unknown }>;
  /** A request that is answered. */
  good: Request;
  /** A request that the provider must refuse. */
  bad?: Request;
  /** A request with a field that the model cannot take. */
  unsupported?: Request;
}

/** How one contract is asked, for the cases that all of them share. `ask` gives the items, or the one answer in a list. */
export interface Asking<Client, Request> {
  contract: string;
  ask(client: Client, request: Request, options?: Options): Promise<readonly unknown[]>;
}

/** Cases of every contract of models for one purpose. */
export function purposeCases<Client extends PurposeClient, Request extends object, Subject extends PurposeSubject<Client, Request>>({
  contract,
  ask,
}: Asking<Client, Request>): ConformanceCase<Subject>[] {
  const one = (name: string, body: (provider: Client, subject: Subject) => Promise<void>, ...needs: (keyof Subject & string)[]) => ({
    name,
    ...(needs.length > 0 ? { needs } : {}),
    run: (subject: Subject) => withOpened(subject.open, ({ provider }) => body(provider, subject)),
  });
  const refused = async (attempt: Promise<unknown>) => {
    const error = await assertCodedFailure(attempt);
    assert.equal(error.code, "PLINTH_MODEL_UNSUPPORTED");
    assert.notEqual(errorInfo(error).retryable, true, "the same request would be refused again");
  };
  return [
    one("says whether it is ready, the same twice", async (provider) => {
      const first = await provider.status({});
      await assertFits(contract, "status", "output", first);
      assert.deepEqual(await provider.status({}), first);
      if (!first.ready) assert.ok(first.reason, "who is not ready says why");
    }),
    one("lists its models, each once, the same twice", async (provider) => {
      const first = await provider.models({});
      await assertFits(contract, "models", "output", first);
      assert.deepEqual(await provider.models({}), first);
      const ids = first.models.map(({ id }) => id);
      assert.equal(new Set(ids).size, ids.length);
    }),
    one(
      "refuses a bad request with a coded error",
      async (provider, { bad }) => {
        const { code } = await assertCodedFailure(ask(provider, bad as Request));
        assert.match(code, /^PLINTH_MODEL_/);
      },
      "bad",
    ),
    one(
      "refuses what it cannot take, and leaves it out where that is wanted",
      async (provider, { unsupported }) => {
        await refused(ask(provider, unsupported as Request));
        await refused(ask(provider, { ...(unsupported as Request), onUnsupported: "refuse" }));
        const items = (await ask(provider, { ...(unsupported as Request), onUnsupported: "drop" })) as { type?: string; param?: string }[];
        if (items[0]?.type === undefined) return;
        const warnings = items.filter(({ type }) => type === "warning");
        assert.ok(warnings.length > 0, "it is said what was left out");
        for (const { param } of warnings) assert.ok(param, "a warning names the field");
      },
      "unsupported",
    ),
    one("does nothing when it is cancelled already", async (provider, { good }) => {
      await assertCodedFailure(ask(provider, good, { signal: AbortSignal.abort() }));
    }),
    one("answers two requests side by side", async (provider, { good }) => {
      await Promise.all([ask(provider, good), ask(provider, good)]);
    }),
  ];
}

/** All items of a stream of such a model: each fits, one `end`, which is the last, and one `usage` at most. */
export async function streamed<Item extends { type: string }>(contract: string, method: string, stream: AsyncIterable<Item>): Promise<Item[]> {
  const items = await collect(stream);
  for (const item of items) await assertFits(contract, method, "item", item);
  assert.equal(items.filter(({ type }) => type === "end").length, 1, "there is one end");
  assert.equal(items.at(-1)?.type, "end", "nothing follows the end");
  assert.ok(items.filter(({ type }) => type === "usage").length <= 1, "usage is said once at most");
  return items;
}

/** Cases of whatever answers with a stream. */
export function streamCases<Client extends PurposeClient, Request extends object, Subject extends PurposeSubject<Client, Request>>(
  begin: (client: Client, request: Request, options?: Options) => AsyncIterable<{ type: string }>,
): ConformanceCase<Subject>[] {
  return [
    {
      name: "stops when it is cancelled in the middle",
      run: ({ open, good }) =>
        withOpened(open, async ({ provider }) => {
          const controller = new AbortController();
          const items: unknown[] = [];
          const reading = (async () => {
            for await (const item of begin(provider, good, { signal: controller.signal })) {
              items.push(item);
              controller.abort();
            }
          })();
          await assertCodedFailure(reading);
          assert.ok(items.length <= 1, "nothing comes after the cancellation");
        }),
    },
    {
      name: "answers again after a reader left early",
      run: ({ open, good }) =>
        withOpened(open, async ({ provider }) => {
          for await (const _ of begin(provider, good)) break;
          const items = await collect(begin(provider, good));
          assert.equal(items.at(-1)?.type, "end");
        }),
    },
  ];
}

/** The items of one type. */
export const ofType = <Item extends { type: string }, T extends Item["type"]>(items: readonly Item[], type: T): Extract<Item, { type: T }>[] =>
  items.filter((item): item is Extract<Item, { type: T }> => item.type === type);
