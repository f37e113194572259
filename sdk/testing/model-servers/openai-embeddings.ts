import { openaiError } from "./openai-error.ts";
import type { PlainAnswer, PlainRequest } from "./plain-server.ts";

/** What a token is here, in characters. */
const TOKEN = 4;
const LIMIT = 8_192;
const TOGETHER = 300_000;
const WIDTHS: { readonly [model: string]: number } = {
  "text-embedding-3-small": 1_536,
  "text-embedding-3-large": 3_072,
  "text-embedding-ada-002": 1_536,
};

const tokens = (text: string): number => Math.ceil(text.length / TOKEN);

/** https://platform.openai.com/docs/api-reference/embeddings/create */
export function embeddingsAnswer({ body }: PlainRequest): PlainAnswer {
  const { input, model, dimensions, encoding_format: encoding = "float" } = body ?? {};
  const texts = typeof input === "string" ? [input] : input;
  const own = WIDTHS[model];
  if (own === undefined) return openaiError(404, `The model \`${model}\` does not exist or you do not have access to it.`, null, "model_not_found");
  const isList = Array.isArray(texts) && texts.length > 0 && texts.length <= 2_048;
  if (!isList || !texts.every((text) => typeof text === "string" && text !== "")) return openaiError(400, "'$.input' is invalid.", null, null);
  if (dimensions !== undefined && !model.startsWith("text-embedding-3"))
    return openaiError(400, "This model does not support specifying dimensions.", "dimensions", null);
  if (dimensions > own) return openaiError(400, `Invalid value for 'dimensions' = ${dimensions}. Must be less than or equal to ${own}.`, null, null);
  const long = texts.map(tokens).find((count) => count > LIMIT);
  if (long !== undefined) {
    const said = `This model's maximum context length is ${LIMIT} tokens, however you requested ${long} tokens (${long} in your prompt; 0 for the completion). Please reduce your prompt; or completion length.`;
    return openaiError(400, said, null, null);
  }
  const sum = texts.map(tokens).reduce((all: number, one: number) => all + one, 0);
  if (sum > TOGETHER) return openaiError(400, `Requested ${sum} tokens, max ${TOGETHER} tokens per request`, null, "max_tokens_per_request");
  const vectors = texts.map((text: string) => vectorOf(text, dimensions ?? own));
  const data = vectors.map((vector, index) => ({ object: "embedding", index, embedding: encoding === "base64" ? encoded(vector) : vector }));
  return { body: { object: "list", data, model, usage: { prompt_tokens: sum, total_tokens: sum } } };
}

/** Words at places that follow from their letters, twice as long as one: whoever wants it of length one has to see to that. */
function vectorOf(text: string, dimensions: number): number[] {
  const numbers = new Array<number>(dimensions).fill(0);
  for (const word of text.toLowerCase().match(/[a-z0-9]+/g) ?? ["nothing"]) {
    const place = [...word].reduce((sum, one) => (sum * 31 + one.charCodeAt(0)) % 9_973, 7) % dimensions;
    numbers[place] = numbers[place]! + 1;
  }
  const length = Math.hypot(...numbers) / 2;
  return numbers.map((value) => value / length);
}

function encoded(vector: readonly number[]): string {
  const bytes = Buffer.alloc(vector.length * 4);
  for (const [at, value] of vector.entries()) bytes.writeFloatLE(value, at * 4);
  return bytes.toString("base64");
}
