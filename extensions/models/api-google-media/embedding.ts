import { type Context, type EmbeddingModel, type EmbeddingRequest, errorInfo, type Provider } from "@plinth/sdk";
import { failure, listing, PurposeCall, unitVector } from "@plinth/sdk/kits/model-api";
import { isCount, methodUrl } from "./content.ts";
import { contentsOf, type Input, isSecond, shortened } from "./embedding-inputs.ts";

type Call = PurposeCall<EmbeddingModel>;

interface Batch {
  vectors: number[][];
  tokens: number | undefined;
}

const ASK_MS = 60_000;
/** How often what is too long is cut shorter. */
const CUTS = 4;
const MOST = 100;
/** Bytes of one answer: it is parsed in one go, and a number of it is as long as JSON has it. */
const ANSWER = 1_048_576;
const DECIMAL = 22;
const USUAL_WIDTH = 3_072;
/** Requests of one input each, at once. */
const AT_ONCE = 4;

const TASKS = {
  query: "RETRIEVAL_QUERY",
  document: "RETRIEVAL_DOCUMENT",
  similarity: "SEMANTIC_SIMILARITY",
  classification: "CLASSIFICATION",
  clustering: "CLUSTERING",
} as const;

/** `…:batchEmbedContents`, as https://ai.google.dev/api/embeddings has it; on Vertex AI `…:embedContent`, or for older models `…:predict`. */
export function embedding(ctx: Context): Provider<"plinth.embedding"> {
  return {
    status: listing.status,
    models: (input) => listing.models<EmbeddingModel>(input),
    async embed(request, { signal }) {
      const call = new PurposeCall<EmbeddingModel>(ctx, request, signal);
      const { server } = call;
      const { form } = request;
      if (form !== undefined && form !== "float32") call.unsupported.leave("form", `vectors of the form ${form}`);
      const width = widthOf(call, request);
      const inputs = await contentsOf(call, request);
      const batches = await answered(call, request, inputs, width);
      const vectors = batches.flatMap((batch) => batch.vectors);
      const dimensions = vectors[0]!.length;
      const tokens = batches.map((batch) => batch.tokens);
      const inputTokens = tokens.every((one) => one !== undefined) ? tokens.reduce<number>((sum, one) => sum + one!, 0) : undefined;
      return {
        model: server.model,
        identity: `${server.endpoint.vendor}/${server.model}/${dimensions}`,
        dimensions,
        form: "float32",
        vectors: vectors.map((numbers) => {
          const vector = numbers.length === dimensions ? unitVector(numbers) : undefined;
          if (vector !== undefined) return vector;
          throw broken(server.title, "sent a vector without a direction, or of other dimensions than the rest");
        }),
        ...(inputTokens === undefined ? {} : { usage: usageOf(inputTokens, server.known?.price) }),
      };
    },
  };
}

/** As many dimensions as are asked for, where that is another number than the model's own. */
function widthOf({ server: { known, model }, unsupported }: Call, { dimensions }: EmbeddingRequest): number | undefined {
  if (dimensions === undefined || dimensions === known?.dimensions) return undefined;
  if (known === undefined || known.shorter !== undefined) return dimensions;
  unsupported.leave("dimensions", `${dimensions} dimensions with ${model}`);
  return undefined;
}

async function answered(call: Call, request: EmbeddingRequest, inputs: readonly Input[], width: number | undefined): Promise<Batch[]> {
  const { server } = call;
  const { vertex, batch } = server.quirks;
  const small = Math.floor(ANSWER / ((width ?? server.known?.dimensions ?? USUAL_WIDTH) * DECIMAL));
  const most = vertex === true && isSecond(server.model) ? 1 : Math.max(1, Math.min(small, isCount(batch) ? batch : MOST));
  const batches = Array.from({ length: Math.ceil(inputs.length / most) }, (_, at) => inputs.slice(at * most, (at + 1) * most));
  const done: Batch[] = [];
  for (let at = 0; at < batches.length; at += AT_ONCE)
    done.push(...(await Promise.all(batches.slice(at, at + AT_ONCE).map((one) => cutting(call, request, one, width)))));
  return done;
}

/** What is too long is refused, or with `truncate` cut shorter and shorter. Vertex AI cuts by itself, where it is told to. */
async function cutting(call: Call, request: EmbeddingRequest, given: readonly Input[], width: number | undefined): Promise<Batch> {
  let inputs = given;
  for (let cut = 0; ; cut++) {
    try {
      return await ask(call, request, inputs, width);
    } catch (error) {
      if (request.truncate !== true || cut >= CUTS || errorInfo(error).code !== "PLINTH_MODEL_CONTEXT") throw error;
      inputs = shortened(inputs, call.server.known?.maxInputTokens, cut);
    }
  }
}

async function ask(call: Call, request: EmbeddingRequest, inputs: readonly Input[], width: number | undefined): Promise<Batch> {
  const { exchange, server } = call;
  const { purpose, truncate = false, vendor } = request;
  const second = isSecond(server.model);
  const taskType = purpose === undefined || second ? undefined : TASKS[purpose];
  const own = (vendor?.[server.endpoint.vendor] ?? {}) as object;
  const sized = width === undefined ? {} : { outputDimensionality: width };
  const json = (method: string, body: object) =>
    exchange.json(methodUrl(server, method), server.endpoint.headers, JSON.stringify(body), ASK_MS) as Promise<any>;
  if (server.quirks.vertex !== true) {
    const model = server.model.includes("/") ? server.model : `models/${server.model}`;
    const requests = inputs.map((parts) => ({ model, content: { parts }, ...sized, ...(taskType === undefined ? {} : { taskType }), ...own }));
    const answer = await json("batchEmbedContents", { requests });
    return batchIn(answer?.embeddings, inputs, server.title, answer?.usageMetadata?.promptTokenCount);
  }
  if (second) {
    const content = { role: "user", parts: inputs[0]! };
    const answer = await json("embedContent", { content, embedContentConfig: { autoTruncate: truncate, ...sized, ...own } });
    return batchIn([answer?.embedding], inputs, server.title, answer?.usageMetadata?.promptTokenCount);
  }
  const instances = inputs.map((parts) => ({
    content: parts.map((part) => ("text" in part ? part.text : "")).join("\n"),
    ...(taskType === undefined ? {} : { task_type: taskType }),
  }));
  const answer = await json("predict", { instances, parameters: { autoTruncate: truncate, ...sized, ...own } });
  const rows: any[] = Array.isArray(answer?.predictions) ? answer.predictions.map((row: any) => row?.embeddings) : [];
  const counts = rows.map((row) => row?.statistics?.token_count);
  const tokens = counts.length > 0 && counts.every(isCount) ? counts.reduce((sum: number, one: number) => sum + one, 0) : undefined;
  return batchIn(rows, inputs, server.title, tokens);
}

function batchIn(rows: unknown, inputs: readonly Input[], title: string, tokens: unknown): Batch {
  const vectors = (Array.isArray(rows) ? rows : []).map((row) => row?.values);
  if (vectors.length !== inputs.length || !vectors.every(isNumbers))
    throw broken(title, `answered with ${vectors.filter(isNumbers).length} vectors to ${inputs.length} inputs`);
  return { vectors, tokens: isCount(tokens) ? tokens : undefined };
}

const isNumbers = (value: unknown): value is number[] =>
  Array.isArray(value) && value.length > 0 && value.length <= 65_536 && value.every((one) => typeof one === "number");

const broken = (title: string, what: string) => failure("STREAM", `${title} ${what}.`, { details: { retryable: false } });

const usageOf = (inputTokens: number, price: number | undefined) => ({
  inputTokens,
  ...(price === undefined ? {} : { cost: Number(((inputTokens * price) / 1e6).toPrecision(10)) }),
});
