import type { Call, Client, Context } from "@plinth/sdk";
import { ApiFailure, noSuchModel } from "../failure.ts";
import { readEmbeddingsRequest } from "./request.ts";

type Embedding = Client<"plinth.embedding">;

/** What one call of the contract takes. */
const AT_ONCE = 128;

/** Vectors of whichever provider is meant, as OpenAI's API tells them. */
export async function embeddings(ctx: Context, body: string, { signal }: Call): Promise<{ answer: object; ignored: string[] }> {
  const { model: asked, inputs, dimensions, base64, ignored } = readEmbeddingsRequest(body);
  const { provider, model } = await providerFor(ctx, asked, signal);
  const vectors: string[] = [];
  let tokens = 0;
  let made = asked;
  for (let from = 0; from < inputs.length; from += AT_ONCE) {
    const some = inputs.slice(from, from + AT_ONCE).map((text) => [{ type: "text" as const, text }]);
    const answer = await provider.embed(
      { ...(model === undefined ? {} : { model }), inputs: some, form: "float32", ...(dimensions === undefined ? {} : { dimensions }) },
      { signal },
    );
    vectors.push(...answer.vectors);
    tokens += answer.usage?.inputTokens ?? 0;
    made = answer.model;
  }
  const data = vectors.map((vector, index) => ({ object: "embedding", index, embedding: base64 ? vector : numbers(vector) }));
  return { answer: { object: "list", data, model: made, usage: { prompt_tokens: tokens, total_tokens: tokens } }, ignored };
}

/** `auto` is the first that can answer; `provider` and `provider/model` are one; a model's own name is whoever has it. */
async function providerFor(ctx: Context, name: string, signal: AbortSignal): Promise<{ provider: Embedding; model: string | undefined }> {
  const use = ctx.use("plinth.embedding");
  const providers = (await use.list())
    .filter(({ descriptor }) => descriptor.api !== true)
    .sort((a, b) => a.descriptor.priority - b.descriptor.priority);
  if (providers.length === 0) throw nobody("No extension that makes embeddings is installed. plinth plugins search embedding finds one.");
  const slash = name.indexOf("/");
  const id = slash < 0 ? name : name.slice(0, slash);
  if (providers.some((one) => one.id === id)) return { provider: use.get(id), model: slash < 0 ? undefined : name.slice(slash + 1) };
  for (const one of providers) {
    const known = one.descriptor.models?.some((model) => model.id === name || model.aliases?.includes(name) === true);
    if (known === true) return { provider: use.get(one.id), model: name };
  }
  if (name !== "auto" && name !== "plinth") throw noSuchModel(name);
  const reasons: string[] = [];
  for (const one of providers) {
    const { ready, reason = "it cannot answer" } = await use.get(one.id).status({}, { signal });
    if (ready) return { provider: use.get(one.id), model: undefined };
    reasons.push(`${one.id}: ${reason}`);
  }
  throw nobody(`None that makes embeddings can answer now. ${reasons.join(" ")}`.slice(0, 1_000));
}

const nobody = (message: string): ApiFailure => new ApiFailure(424, message, { type: "upstream_error", code: "PLINTH_CAPABILITY_MISSING" });

function numbers(vector: string): number[] {
  const bytes = Buffer.from(vector, "base64");
  return Array.from({ length: Math.floor(bytes.length / 4) }, (_, at) => bytes.readFloatLE(at * 4));
}
