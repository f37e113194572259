import assert from "node:assert/strict";
import { type Client, errorInfo, type ModelEvent, type ModelRequest, type Part } from "../../extension/index.ts";
import { assertCodedFailure, assertFits, type ConformanceCase, collect, withOpened } from "./case.ts";

const ID = "plinth.model-provider";
type ModelClient = Client<"plinth.model-provider">;

export interface ModelProviderSubject {
  /** A fresh, ready provider for each case. */
  open(): Promise<{ provider: ModelClient; close?(): unknown }>;
  /** A request that is answered with text. */
  good: ModelRequest;
  /** A request that is answered with a call of one of its tools. */
  toolCall?: ModelRequest;
  /** A request that the provider must refuse. */
  bad?: ModelRequest;
  /** A request with an image, which is answered. */
  image?: ModelRequest;
  /** A request with a field that the model cannot take, and is answered without it. */
  unsupported?: ModelRequest;
}

/** A part of a kind that no version of today knows. */
const LATER = { type: "plinth-conformance-later", anything: true } as unknown as Part;

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
        const ids = first.models.map(({ id }) => id);
        assert.equal(new Set(ids).size, ids.length, "each model is listed once");
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
    name: "calls no tool where none may be called",
    needs: ["toolCall"],
    run: ({ open, toolCall }) =>
      withOpened(open, async ({ provider }) => {
        const attempt = collect(provider.stream({ ...toolCall!, toolChoice: "none" }));
        const items = await attempt.catch(() => undefined);
        if (items === undefined) return void (await assertUnsupported(attempt));
        assert.ok(!items.some(({ type }) => type === "tool-call"));
      }),
  },
  {
    name: "takes an image",
    needs: ["image"],
    run: ({ open, image }) => withOpened(open, async ({ provider }) => void (await complete(provider, image!))),
  },
  {
    name: "refuses what it cannot take, and leaves it out with a warning where that is wanted",
    needs: ["unsupported"],
    run: ({ open, unsupported }) =>
      withOpened(open, async ({ provider }) => {
        await assertUnsupported(collect(provider.stream({ ...unsupported!, onUnsupported: "refuse" })));
        const { onUnsupported: _, ...plain } = unsupported!;
        await assertUnsupported(collect(provider.stream(plain)));
        const items = await complete(provider, { ...unsupported!, onUnsupported: "drop" });
        const warnings = items.filter(({ type }) => type === "warning");
        assert.ok(warnings.length > 0, "it is said what was left out");
        for (const one of warnings) assert.ok(one.type === "warning" && one.param, "a warning names the field");
      }),
  },
  {
    name: "passes over parts of a kind that it does not know",
    run: ({ open, good }) =>
      withOpened(open, async ({ provider }) => {
        const messages = good.messages.map((message, at) => (at === 0 ? { ...message, content: [...message.content, LATER] } : message));
        await complete(provider, { ...good, messages });
      }),
  },
  {
    name: "counts tokens, more for more, or says that it does not",
    run: ({ open, good }) =>
      withOpened(open, async ({ provider }) => {
        const { model, messages } = good;
        const attempt = provider.countTokens({ model, messages });
        const first = await attempt.catch(() => undefined);
        if (first === undefined) return void assert.equal((await assertCodedFailure(attempt)).code, "PLINTH_UNSUPPORTED");
        const twice = await provider.countTokens({ model, messages: [...messages, ...messages] });
        assert.ok(twice.inputTokens > first.inputTokens);
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

async function assertUnsupported(attempt: Promise<unknown>): Promise<void> {
  const error = await assertCodedFailure(attempt);
  assert.equal(error.code, "PLINTH_MODEL_UNSUPPORTED");
  assert.notEqual(errorInfo(error).retryable, true, "the same request would be refused again");
}

async function complete(provider: ModelClient, input: ModelRequest): Promise<ModelEvent[]> {
  const items = await collect(provider.stream(input));
  for (const item of items) await assertFits(ID, "stream", "item", item);
  assert.equal(items.filter(({ type }) => type === "end").length, 1, "there is one end");
  assert.equal(items.at(-1)?.type, "end", "nothing follows the end");
  return items;
}
