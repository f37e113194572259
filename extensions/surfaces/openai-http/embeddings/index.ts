import type { Call, Client, Context } from "@plinth/sdk";
import { readEmbeddingsRequest } from "./request.ts";

type Embedding = Client<"plinth.embedding">;

/** What one call of the contract takes. */
const AT_ONCE = 128;

/** Vectors of whoever is meant, as OpenAI's API tells them. */
export async function embeddings(ctx: Context, body: string, { signal }: Call): Promise<{ answer: object; ignored: string[] }> {
  const { model: asked, inputs, dimensions, base64, ignored } = readEmbeddingsRequest(body);
  const provider = ctx.use("plinth.embedding").get("models");
  const model = await meant(provider, asked, signal);
  const vectors: string[] = [];
  let tokens = 0;
  let made = asked;
  for (let from = 0; from < inputs.length; from += AT_ONCE) {
    const some = inputs.slice(from, from + AT_ONCE).map((text) => [{ type: "text" as const, text }]);
    const answer = await provider.embed({ model, inputs: some, form: "float32", ...(dimensions === undefined ? {} : { dimensions }) }, { signal });
    vectors.push(...answer.vectors);
    tokens += answer.usage?.inputTokens ?? 0;
    made = answer.model;
  }
  const data = vectors.map((vector, index) => ({ object: "embedding", index, embedding: base64 ? vector : numbers(vector) }));
  return { answer: { object: "list", data, model: made, usage: { prompt_tokens: tokens, total_tokens: tokens } }, ignored };
}

/** Clients that know one maker name a model without its provider: it is the first that has one of this name. */
async function meant(provider: Embedding, name: string, signal: AbortSignal): Promise<string> {
  if (name === "plinth") return "auto";
  if (name === "auto" || name.includes("/")) return name;
  const { models } = await provider.models({}, { signal });
  return models.find(({ id }) => id.slice(id.indexOf("/") + 1) === name)?.id ?? name;
}

function numbers(vector: string): number[] {
  const bytes = Buffer.from(vector, "base64");
  return Array.from({ length: Math.floor(bytes.length / 4) }, (_, at) => bytes.readFloatLE(at * 4));
}
