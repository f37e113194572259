import type { Context, GenerationItem, ImageModel, ImageRequest, Provider } from "@plinth/sdk";
import { failure, fieldsFor, listing, mediaTypeOf, PurposeCall, ticking, wellFormed } from "@plinth/sdk/kits/model-api";
import { answerOf, dataUrl } from "./answer.ts";

type Call = PurposeCall<ImageModel>;

/** What is not said: whether it is left out is asked of each. */
const OPTIONAL = [
  ...["negativePrompt", "seed", "guidance", "steps", "moderation", "mask", "strength", "resolution", "quality", "style", "background"],
  ...["format", "compression", "previews", "watermark"],
];
const FIELDS = { seed: "seed", watermark: "aigc_watermark" };
const ASK_MS = 170_000;
const MOST_BYTES = 10 * 1_048_576;
const MOST_ANSWER = 128 * 1_048_576;
/** Pictures of one request. */
const AT_ONCE = 9;
const SIDES = { least: 512, most: 2_048, step: 8 };

/** `POST /v1/image_generation`, as https://platform.minimax.io/docs/api-reference/image-generation-t2i has it. */
export function images(ctx: Context): Provider<"plinth.image-generation"> {
  return {
    status: listing.status,
    models: (input) => listing.models<ImageModel>(input),
    async *generate(request, { signal }): AsyncGenerator<GenerationItem> {
      const call = new PurposeCall<ImageModel>(ctx, request, signal);
      const { server, unsupported } = call;
      const body = await bodyOf(call, request);
      yield* unsupported.warnings;
      const { count = 1 } = request;
      let [made, withheld] = [0, 0];
      for (let left = count; left > 0; left -= AT_ONCE) {
        const n = Math.min(AT_ONCE, left);
        const answer = yield* ticking(ctx.clock, ask(call, { ...body, n }), { type: "progress", state: "running" }, signal);
        const pictures: unknown[] = Array.isArray(answer?.data?.image_base64) ? answer.data.image_base64.slice(0, n) : [];
        const failed = Number(answer?.metadata?.failed_count ?? answer?.data?.failed_count ?? 0);
        if (pictures.length === 0 && !(failed > 0)) throw failure("STREAM", `${server.title} made no picture.`, { details: { retryable: false } });
        // It counts those that its rules kept back.
        withheld += n - pictures.length;
        for (const picture of pictures) {
          const bytes = new Uint8Array(Buffer.from(String(picture), "base64"));
          yield { type: "part", part: await call.made("image", mediaTypeOf("image", bytes, server.title), bytes) };
          made += 1;
        }
      }
      const { price } = server.known ?? {};
      yield { type: "usage", usage: { images: made, ...(price === undefined ? {} : { cost: Number((made * price).toPrecision(10)) }) } };
      yield { type: "end", reason: made > 0 ? "done" : "filter", ...(withheld > 0 ? { withheld } : {}) };
    },
  };
}

async function ask({ exchange, server }: Call, body: object): Promise<any> {
  const headers = { accept: "application/json", "content-type": "application/json", ...server.endpoint.headers };
  const options = { method: "POST", headers, body: JSON.stringify(body), timeoutMs: ASK_MS, maxBytes: MOST_ANSWER };
  return answerOf(exchange, await exchange.ask(server.url("/image_generation"), options), server.title);
}

async function bodyOf(call: Call, request: ImageRequest): Promise<object> {
  const { server, unsupported } = call;
  const { known, model } = server;
  const { aspect, size, enhance, images: pictures = [] } = request;
  const fields = fieldsFor(server, request as never, unsupported, { names: OPTIONAL, fields: FIELDS });
  const shaped = aspect === undefined || known?.aspects === undefined || known.aspects.includes(aspect);
  if (!shaped) unsupported.leave("aspect", `${aspect} with ${model}`);
  const sized = size === undefined || [size.width, size.height].every(isSide);
  if (!sized) unsupported.leave("size", `${size.width}×${size.height} with ${model}`);
  const most = known?.maxImages ?? 1;
  if (pictures.length > most) unsupported.leave("images", `more than ${most} pictures with ${model}`);
  const given = [];
  for (const part of pictures.slice(0, most))
    given.push({ type: "character", image_file: dataUrl(await call.read(part, "images", MOST_BYTES), part.mimeType) });
  return {
    ...{ model, prompt: wellFormed(request.prompt), response_format: "base64" },
    ...(aspect !== undefined && shaped ? { aspect_ratio: aspect } : {}),
    ...(size !== undefined && sized ? { width: size.width, height: size.height } : {}),
    ...(enhance === undefined ? {} : { prompt_optimizer: enhance }),
    ...(given.length === 0 ? {} : { subject_reference: given }),
    ...fields,
  };
}

const isSide = (pixels: number): boolean => pixels >= SIDES.least && pixels <= SIDES.most && pixels % SIDES.step === 0;
