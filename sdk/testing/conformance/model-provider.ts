import assert from "node:assert/strict";
import type { Client, ModelEvent } from "../../extension/index.ts";
import { assertCodedFailure, assertFits, type ConformanceCase, collect, withOpened } from "./case.ts";

const ID = "plinth.model-provider";
type ModelClient = Client<"plinth.model-provider">;
type ModelInput = Parameters<ModelClient["stream"]>[0];

export interface ModelProviderSubject {
  /** A fresh, ready provider for each case. */
  open(): Promise<{ provider: ModelClient; close?(): unknown }>;
  /** A request that is answered with text. */
  good: ModelInput;
  /** A request that is answered with a call of one of its tools. */
  toolCall?: ModelInput;
  /** A request that the provider must refuse. */
  bad?: ModelInput;
}

/** What `plinth.model-provider` asks of every provider. */
export const modelProviderConformance: readonly ConformanceCase<ModelProviderSubject>[] = [
  {
    name: "says whether it is ready, the same twice",
    run: ({ open }) =>
      withOpened(open, async ({ provider }) => {
        const first = await provider.status({});
        await assertFits(ID, "status", "output", first);
        assert.deepEqual(await provider.status({}), first);
        if (!first.ready) assert.ok(first.reason, "who is not ready says why");
      }),
  },
  {
    name: "lists its models, the same twice",
    run: ({ open }) =>
      withOpened(open, async ({ provider }) => {
        const first = await provider.models({});
        await assertFits(ID, "models", "output", first);
        assert.deepEqual(await provider.models({}), first);
      }),
  },
  {
    name: "streams text and ends with exactly one end",
    run: ({ open, good }) =>
      withOpened(open, async ({ provider }) => {
        const items = await complete(provider, good);
        const text = items.map((item) => (item.type === "text" ? item.delta : "")).join("");
        assert.ok(text.length > 0, "there is an answer");
      }),
  },
  {
    name: "states usage at most once, and before the end",
    run: ({ open, good }) =>
      withOpened(open, async ({ provider }) => {
        const items = await complete(provider, good);
        assert.ok(items.filter(({ type }) => type === "usage").length <= 1);
      }),
  },
  {
    name: "calls a tool with complete arguments, and takes its result",
    needs: ["toolCall"],
    run: ({ open, toolCall }) =>
      withOpened(open, async ({ provider }) => {
        const items = await complete(provider, toolCall!);
        const calls = items.flatMap((item) => (item.type === "tool-call" ? [item.call] : []));
        assert.ok(calls.length > 0, "a tool is called");
        assert.equal(new Set(calls.map(({ id }) => id)).size, calls.length, "call ids are unique");
        const end = items.at(-1);
        assert.equal(end?.type === "end" && end.reason, "tool-calls");
        const names = new Set(toolCall!.tools?.map(({ name }) => name));
        for (const { name } of calls) assert.ok(names.has(name), `"${name}" was offered`);
        await complete(provider, {
          ...toolCall!,
          messages: [
            ...toolCall!.messages,
            { role: "assistant", content: calls },
            ...calls.map(({ id, name }) => ({
              role: "tool" as const,
              content: [{ type: "tool-result" as const, callId: id, name, content: [{ type: "text" as const, text: "42" }] }],
            })),
          ],
        });
      }),
  },
  {
    name: "refuses a bad request with a coded error",
    needs: ["bad"],
    run: ({ open, bad }) =>
      withOpened(open, async ({ provider }) => {
        const error = await assertCodedFailure(collect(provider.stream(bad!)));
        assert.match(error.code, /^PLINTH_MODEL_/);
      }),
  },
  {
    name: "sends nothing when it is cancelled already",
    run: ({ open, good }) =>
      withOpened(open, async ({ provider }) => {
        await assertCodedFailure(collect(provider.stream(good, { signal: AbortSignal.abort() })));
      }),
  },
  {
    name: "stops when it is cancelled in the middle",
    run: ({ open, good }) =>
      withOpened(open, async ({ provider }) => {
        const controller = new AbortController();
        const items: ModelEvent[] = [];
        const reading = (async () => {
          for await (const item of provider.stream(good, { signal: controller.signal })) {
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
        for await (const _ of provider.stream(good)) break;
        await complete(provider, good);
      }),
  },
  {
    name: "answers two requests side by side",
    run: ({ open, good }) =>
      withOpened(open, async ({ provider }) => {
        await Promise.all([complete(provider, good), complete(provider, good)]);
      }),
  },
];

async function complete(provider: ModelClient, input: ModelInput): Promise<ModelEvent[]> {
  const items = await collect(provider.stream(input));
  for (const item of items) await assertFits(ID, "stream", "item", item);
  assert.equal(items.filter(({ type }) => type === "end").length, 1, "there is one end");
  assert.equal(items.at(-1)?.type, "end", "nothing follows the end");
  return items;
}
