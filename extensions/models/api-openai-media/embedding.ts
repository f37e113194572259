import { type Context, type EmbeddingModel, type EmbeddingRequest, errorInfo, type Provider } from "@plinth/sdk";
import {
  type Exchange,
  failure,
  listing,
  numbersOf,
  PurposeCall,
  type PurposeServer,
  type Unsupported,
  unitVector,
} from "@plinth/sdk/kits/model-api";
import { batchesOf, inputsOf, shortened } from "./embedding-inputs.ts";

const ASK_MS = 60_000;
/** How often what is too long is cut shorter. */
const CUTS = 4;

interface Batch {
  vectors: string[];
  dimensions: number;
  tokens: number | undefined;
}

/** `POST …/embeddings`, as https://platform.openai.com/docs/api-reference/embeddings/create has it. */
export function embedding(ctx: Context): Provider<"plinth.embedding"> {
  return {
    status: listing.status,
    models: (input) => listing.models<EmbeddingModel>(input),
    async embed(request, { signal }) {
      const { server, unsupported, exchange } = new PurposeCall<EmbeddingModel>(ctx, request, signal);
      const texts = inputsOf(request, unsupported);
      const fields = fieldsOf(server, request, unsupported);
      const width = (fields.dimensions as number | undefined) ?? server.known?.dimensions;
      const batches: Batch[] = [];
      for (const batch of batchesOf(texts, server, width)) {
        const asked = batches.length === 0 ? undefined : batches[0]!.dimensions;
        batches.push(await ask(exchange, server, { ...fields }, batch, asked, request.truncate === true));
      }
      const { dimensions } = batches[0]!;
      const counted = batches.map(({ tokens }) => tokens).filter((one) => one !== undefined);
      const inputTokens = counted.length < batches.length ? undefined : counted.reduce((sum, one) => sum + one, 0);
      return {
        model: server.model,
        identity: `${server.endpoint.vendor}/${server.model}/${dimensions}`,
        dimensions,
        form: "float32",
        vectors: batches.flatMap(({ vectors }) => vectors),
        ...(inputTokens === undefined ? {} : { usage: usageOf(inputTokens, server.known?.price) }),
      };
    },
  };
}

function fieldsOf(
  { endpoint, known, quirks, model }: PurposeServer<EmbeddingModel>,
  request: EmbeddingRequest,
  unsupported: Unsupported,
): Record<string, unknown> {
  const { dimensions, form, purpose, vendor } = request;
  if (form !== undefined && form !== "float32") unsupported.leave("form", `vectors of the form ${form}`);
  const shorter = dimensions !== undefined && dimensions !== known?.dimensions;
  // Of a model that is not known, its server says what it takes.
  const takes = known === undefined || known.shorter !== undefined;
  if (shorter && !takes) unsupported.leave("dimensions", `${dimensions} dimensions with ${model}`);
  const words = purpose === undefined ? undefined : (quirks.purposes as Record<string, string> | undefined)?.[purpose];
  return {
    model,
    ...(shorter && takes ? { [String(quirks.dimensionsField ?? "dimensions")]: dimensions } : {}),
    ...(quirks.base64 === true ? { encoding_format: "base64" } : {}),
    ...(words === undefined ? {} : { [String(quirks.purposeField ?? "input_type")]: words }),
    ...(vendor?.[endpoint.vendor] as object | undefined),
  };
}

/** @param dimensions of the batches before */
async function ask(
  exchange: Exchange,
  server: PurposeServer<EmbeddingModel>,
  fields: object,
  given: readonly string[],
  dimensions: number | undefined,
  truncate: boolean,
): Promise<Batch> {
  let texts = given;
  for (let cut = 0; ; cut++) {
    try {
      const body = JSON.stringify({ ...fields, input: texts });
      return batchIn(await exchange.json(server.url("/embeddings"), server.endpoint.headers, body, ASK_MS), server.title, texts.length, dimensions);
    } catch (error) {
      if (!truncate || cut >= CUTS || errorInfo(error).code !== "PLINTH_MODEL_CONTEXT") throw error;
      texts = shortened(texts, server.known?.maxInputTokens, cut);
    }
  }
}

function batchIn(answer: any, title: string, count: number, wanted: number | undefined): Batch {
  const broken = (what: string) => failure("STREAM", `${title} ${what}.`, { details: { retryable: false } });
  const rows = Array.isArray(answer?.data) ? (answer.data as any[]) : undefined;
  if (rows === undefined || rows.length !== count) throw broken(`answered with ${rows?.length ?? "no"} vectors to ${count} texts`);
  const vectors: string[] = Array(count);
  let dimensions = wanted;
  for (const [at, row] of rows.entries()) {
    const place = Number.isInteger(row?.index) ? row.index : at;
    const numbers = typeof row?.embedding === "string" ? numbersOf(row.embedding) : isNumbers(row?.embedding) ? row.embedding : undefined;
    const vector = numbers === undefined ? undefined : unitVector(numbers);
    if (vector === undefined) throw broken("sent a vector without a direction");
    dimensions ??= numbers.length;
    if (numbers.length !== dimensions) throw broken(`sent vectors of ${numbers.length} and of ${dimensions} dimensions`);
    if (place < 0 || place >= count || vectors[place] !== undefined) throw broken("sent a vector for no text of the request");
    vectors[place] = vector;
  }
  const { prompt_tokens: prompt, total_tokens: total } = answer.usage ?? {};
  const tokens = [prompt, total].find((one) => Number.isInteger(one) && one >= 0);
  return { vectors, dimensions: dimensions!, tokens };
}

const isNumbers = (value: unknown): value is number[] =>
  Array.isArray(value) && value.length > 0 && value.length <= 65_536 && value.every((one) => typeof one === "number");

const usageOf = (inputTokens: number, price: number | undefined) => ({
  inputTokens,
  ...(price === undefined ? {} : { cost: Number(((inputTokens * price) / 1e6).toPrecision(10)) }),
});
