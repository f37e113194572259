import type { PlainAnswer } from "@plinth/sdk/testing";

const LIMITS: { readonly [model: string]: number } = { "gemini-embedding-001": 2_048, "gemini-embedding-2": 8_192 };
const WIDTH = 3_072;

const refuse = (code: number, status: string, message: string): PlainAnswer => ({ status: code, body: { error: { code, message, status } } });
const tokensOf = (text: string): number => Math.ceil(text.length / 4);

/** https://ai.google.dev/api/embeddings; of Vertex AI as its text embeddings API has it. */
export function embeddingsAnswer(method: string, model: string, body: any, vertex: boolean): PlainAnswer {
  const limit = LIMITS[model];
  if (limit === undefined) return refuse(404, "NOT_FOUND", `models/${model} is not found for API version v1beta.`);
  const second = model.includes("-2");
  const expected = vertex ? (second ? "embedContent" : "predict") : "batchEmbedContents";
  if (method !== expected) return refuse(400, "INVALID_ARGUMENT", `${method} is not supported by ${model}.`);
  const texts: string[] = textsIn(body, method);
  if (texts.length === 0 || texts.length > 100) return refuse(400, "INVALID_ARGUMENT", "at most 100 requests can be in one batch");
  const config = body.embedContentConfig ?? body.parameters ?? body.requests[0];
  const long = texts.map(tokensOf).find((count) => count > limit);
  const cut = vertex && config.autoTruncate === true;
  if (long !== undefined && !cut)
    return refuse(400, "INVALID_ARGUMENT", `The input token count (${long}) exceeds the maximum number of tokens allowed (${limit}).`);
  const vectors = texts.map((text) => vectorOf(text.slice(0, limit * 4), config.outputDimensionality ?? WIDTH));
  const sum = texts.reduce((all, text) => all + tokensOf(text), 0);
  const usageMetadata = { promptTokenCount: sum };
  if (method === "batchEmbedContents") return { body: { embeddings: vectors.map((values) => ({ values })), ...(second ? { usageMetadata } : {}) } };
  if (method === "embedContent") return { body: { embedding: { values: vectors[0] }, usageMetadata, truncated: long !== undefined } };
  const statistics = (text: string) => ({ truncated: tokensOf(text) > limit, token_count: tokensOf(text) });
  return { body: { predictions: vectors.map((values, at) => ({ embeddings: { values, statistics: statistics(texts[at]!) } })) } };
}

function textsIn(body: any, method: string): string[] {
  const joined = (content: any): string => (content?.parts ?? []).map((part: any) => part.text ?? part.inlineData?.data ?? "").join("\n");
  if (method === "batchEmbedContents") return (body.requests ?? []).map(({ content }: any) => joined(content));
  return method === "embedContent" ? [joined(body.content)] : (body.instances ?? []).map(({ content }: any) => content);
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
