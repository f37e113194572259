import { type Context, errorInfo, PlinthError } from "@plinth/sdk";
import type { Provider } from "./house.ts";

/** Enough for a word from a model that thinks before it speaks. */
const MOST_TOKENS = 256;
const MOST_SHOWN = 200;

export interface Trial {
  model: string;
  text: string;
  durationMs: number;
}

/** Ask a model for one word, as a turn would. @throws what the provider does, with its code and the next step. */
export async function tryModel(ctx: Context, { id, extension }: Provider, wanted: string | undefined, signal: AbortSignal): Promise<Trial> {
  const models = ctx.use("plinth.models").one();
  const { ready, reason, defaultModel } = await models.status({ provider: id }, { signal });
  if (!ready) throw new PlinthError("PLINTH_MODEL_NOT_READY", reason ?? `${id} is not ready.`, { extension, next: `plinth models ${id}` });
  const model = wanted ?? defaultModel;
  if (model === undefined) {
    throw new PlinthError("PLINTH_MODEL_UNKNOWN", `${id} does not say which model it would use.`, {
      extension,
      next: `plinth init --provider ${id} --model MODEL`,
    });
  }
  const began = performance.now();
  const content = [{ type: "text" as const, text: "Answer with the one word: hello" }];
  let text = "";
  let ended = false;
  try {
    for await (const event of models.stream(
      { model: `${id}/${model}`, fallbacks: [], messages: [{ role: "user", content }], maxOutputTokens: MOST_TOKENS, onUnsupported: "drop" },
      { signal },
    )) {
      if (event.type === "text") text += event.delta;
      else if (event.type === "end") ended = true;
    }
  } catch (thrown) {
    const { code, message, next, extension: whose = extension } = errorInfo(thrown);
    throw new PlinthError(code, `${id}/${model} did not answer: ${message}`, { extension: whose, ...(next === undefined ? {} : { next }) });
  }
  if (!ended) throw new PlinthError("PLINTH_MODEL_STREAM", `${id}/${model} stopped in the middle of its answer.`, { extension, next: "Try again." });
  return { model, text: text.trim().slice(0, MOST_SHOWN), durationMs: Math.round(performance.now() - began) };
}
