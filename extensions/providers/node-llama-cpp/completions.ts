import type { ModelEvent, ModelInfo, ModelRequest, Provider, ToolCallPart } from "@plinth/sdk";
import { argumentsOf, failure, ThinkTags, Unsupported, unreadableCall, WellFormedText } from "@plinth/sdk/kits/model-api";
import { counted, type Prepared, prepared } from "./conversation.ts";
import type { LocalModels } from "./local-models.ts";
import type { Done, Item, Loaded } from "./messages.ts";

/** Items that are kept for a reader who is slower than the model. */
const MOST_KEPT = 100_000;

/** Completions of the models that the configuration names. */
export function completions(models: LocalModels): Provider<"plinth.model-provider"> {
  return {
    status: () => models.status("chat"),
    models: () => ({ models: models.names("chat").map((name) => infoOf(name, models)) }),
    async *stream(request, { signal }): AsyncGenerator<ModelEvent> {
      const name = models.named("chat", request.model);
      const unsupported = new Unsupported(name, request);
      const { engine, release } = await models.lease(name, signal);
      let settled: Promise<void> = Promise.resolve();
      const left = new AbortController();
      try {
        const asked = prepared(request, engine.loaded.tools, unsupported);
        yield* unsupported.warnings;
        const items = new Items();
        const both = AbortSignal.any([signal, left.signal]);
        const asking = engine.ask({ what: "complete", ...asked.completion }, both, (item) => items.put(item));
        ({ settled } = asking);
        items.endWith(asking.answer);
        yield* told(name, asked, items);
      } finally {
        // It is nobody else's turn before the model has left off.
        left.abort();
        void settled.then(release);
      }
    },
    async countTokens(request, { signal }) {
      const name = models.named("chat", request.model);
      const { engine, release } = await models.lease(name, signal);
      const unsupported = new Unsupported(name, { onUnsupported: "drop" });
      const asking = engine.ask({ what: "count", ...counted(request as ModelRequest, engine.loaded.tools, unsupported) }, signal);
      void asking.settled.then(release);
      return { inputTokens: ((await asking.answer) as { tokens: number }).tokens };
    },
  };
}

function infoOf(name: string, models: LocalModels): ModelInfo {
  const { contextTokens } = models.configured(name);
  const loaded: Loaded | undefined = models.known(name);
  const context = loaded?.contextTokens ?? contextTokens;
  return {
    id: name,
    ...(loaded?.title == null ? {} : { title: loaded.title }),
    ...(context === undefined ? {} : { contextTokens: context }),
    input: [],
    output: [],
    ...(loaded === undefined ? {} : { tools: loaded.tools ? ("parallel" as const) : ("none" as const) }),
    structured: "schema",
    cache: "auto",
    price: { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 },
  };
}

async function* told(name: string, { isCall, call }: Prepared, items: Items): AsyncGenerator<ModelEvent> {
  const tags = new ThinkTags(false);
  const text = new WellFormedText();
  let thought = "";
  let json = "";
  let calls = 0;
  const think = function* (piece: string): Generator<ModelEvent> {
    if (piece === "") return;
    thought += piece;
    yield { type: "reasoning", delta: piece.toWellFormed() };
  };
  const say = function* (piece: string): Generator<ModelEvent> {
    const delta = text.push(piece);
    if (delta === "") return;
    yield* settle();
    yield { type: "text", delta };
  };
  const settle = function* (): Generator<ModelEvent> {
    if (thought !== "") yield { type: "reasoning", part: { type: "reasoning", text: thought.toWellFormed() } };
    thought = "";
  };
  for await (const item of items) {
    if ("thought" in item) yield* think(item.thought);
    else if ("call" in item) {
      yield* settle();
      calls++;
      yield { type: "tool-call", call: made(call(item.call.name, item.call.params)) };
    } else if (isCall) json += item.text;
    else {
      const split = tags.push(item.text);
      yield* think(split.thought);
      yield* say(split.text);
    }
  }
  const done = items.done as Done;
  const rest = tags.end();
  yield* think(rest.thought);
  yield* say(rest.text + text.end());
  yield* settle();
  if (isCall && done.reason !== "length") {
    const only = argumentsOf(json);
    if (typeof only?.name !== "string") throw unreadableCall(name, { id: "call", name: "" }, json);
    calls++;
    yield { type: "tool-call", call: made(call(only.name, only.arguments)) };
  }
  yield { type: "usage", usage: { inputTokens: done.read, outputTokens: done.written, cacheReadTokens: done.kept } };
  yield { type: "end", reason: done.reason === "length" ? "length" : calls > 0 ? "tool-calls" : "stop" };
}

const made = ({ name, args }: { name: string; args: Record<string, unknown> }): ToolCallPart => ({
  type: "tool-call",
  id: `call_${crypto.randomUUID()}`,
  name,
  args,
});

/** What comes while its reader is busy, bounded; then how it ended. */
class Items {
  done: unknown;
  #kept: Item[] = [];
  #over = false;
  #failed: { thrown: unknown } | undefined;
  #wake: () => void = () => {};

  put(item: Item): void {
    if (this.#kept.length >= MOST_KEPT) this.#fail(failure("STREAM", "The model says more than anybody reads."));
    else this.#kept.push(item);
    this.#wake();
  }

  endWith(answer: Promise<unknown>): void {
    answer.then(
      (done) => {
        this.done = done;
        this.#over = true;
        this.#wake();
      },
      (thrown) => {
        this.#fail(thrown);
        this.#wake();
      },
    );
  }

  #fail(thrown: unknown): void {
    this.#failed ??= { thrown };
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Item> {
    for (;;) {
      // What was said before it failed was said; what nobody waits for any more is not handed on.
      for (const item of this.#kept.splice(0)) yield item;
      if (this.#kept.length > 0) continue;
      if (this.#failed !== undefined) throw this.#failed.thrown;
      if (this.#over) return;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
