import type { ContentPart, EmbeddingModel, EmbeddingRequest } from "@plinth/sdk";
import { type PurposeCall, wellFormed } from "@plinth/sdk/kits/model-api";
import { inlineOf } from "./content.ts";

/** The parts of what becomes one vector. */
export type Input = readonly ({ text: string } | ReturnType<typeof inlineOf>)[];

/** The second generation is told its task in words, and reads more than texts; Google says so by name only. */
export const isSecond = (model: string): boolean => /\bgemini-embedding-(?:[2-9](?!\d)|\d\d(?!\d))/.test(model);

const MOST_BYTES = 14 * 1_048_576;
const USUAL_TOKENS = 2_048;

/** How the second generation wants to be told what its vectors are for: https://ai.google.dev/gemini-api/docs/embeddings#task-types */
const WORDS: { readonly [purpose in NonNullable<EmbeddingRequest["purpose"]>]: string } = {
  query: "task: search result | query: ",
  document: "title: none | text: ",
  similarity: "task: sentence similarity | query: ",
  classification: "task: classification | query: ",
  clustering: "task: clustering | query: ",
};

/** Each input as the server takes it: texts joined, with the task before them, or with pictures and the like one after the other. */
export async function contentsOf(call: PurposeCall<EmbeddingModel>, { inputs, purpose }: EmbeddingRequest): Promise<Input[]> {
  const { known, model } = call.server;
  const before = purpose !== undefined && isSecond(model) ? WORDS[purpose] : "";
  const read = async (part: ContentPart): Promise<Input> => {
    if (part.type === "text") return [{ text: wellFormed(part.text) }];
    const kind = part.type as "image";
    if (known?.input?.includes(kind) !== true || !("mimeType" in part)) {
      call.unsupported.leave("inputs", `a part of ${part.type}`);
      return [];
    }
    return [inlineOf(await call.read(part as Extract<ContentPart, { type: "image" }>, "inputs", MOST_BYTES), part.mimeType!)];
  };
  const contents: Input[] = [];
  for (const given of inputs) {
    const parts: Input[number][] = [];
    for (const part of given) parts.push(...(await read(part)));
    const texts = parts.flatMap((part) => ("text" in part ? [part.text] : []));
    // No server takes nothing.
    contents.push(texts.length < parts.length ? parts : [{ text: before + (texts.join("\n") || " ") }]);
  }
  return contents;
}

/** Texts that were too long, shorter: at first by what English takes for a token, then by half again and again. */
export function shortened(inputs: readonly Input[], tokens = USUAL_TOKENS, times: number): Input[] {
  const most = Math.max(16, Math.floor((tokens * 4) / 2 ** times));
  const cut = (text: string) => (text.length > most ? wellFormed(text.slice(0, most)) : text);
  return inputs.map((parts) => parts.map((part) => ("text" in part ? { text: cut(part.text) } : part)));
}
