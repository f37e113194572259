import type { Context, GenerationItem, ImageModel, ImageRequest, Provider } from "@plinth/sdk";
import {
  failure,
  fieldsFor,
  form,
  listing,
  mediaTypeOf,
  PurposeCall,
  type PurposeServer,
  ticking,
  type Unsupported,
} from "@plinth/sdk/kits/model-api";
import { bytesIn } from "./image-bytes.ts";

/** Whether each can be sent is asked of the model. */
const OPTIONAL = [
  ...["negativePrompt", "seed", "guidance", "steps", "moderation", "strength", "aspect", "resolution", "quality", "style"],
  ...["background", "format", "compression", "previews", "enhance", "watermark"],
];
const FIELDS = {
  quality: "quality",
  style: "style",
  background: "background",
  format: "output_format",
  compression: "output_compression",
  moderation: "moderation",
};
const ASK_MS = 175_000;
const MOST_BYTES = 16 * 1_048_576;
const MOST_ANSWER = 128 * 1_048_576;

/** `POST …/images/generations` and `…/images/edits`, as https://platform.openai.com/docs/api-reference/images has them. */
export function images(ctx: Context): Provider<"plinth.image-generation"> {
  return {
    status: listing.status,
    models: (input) => listing.models<ImageModel>(input),
    async *generate(request, { signal }): AsyncGenerator<GenerationItem> {
      const call = new PurposeCall<ImageModel>(ctx, request, signal);
      const { server, unsupported, exchange } = call;
      const fields = wishesOf(server, request, unsupported);
      const edited = takesImages(server, request, unsupported) ? [...(request.images ?? [])] : [];
      yield* unsupported.warnings;
      let asked: { path: string; body: string | Uint8Array; type: string };
      if (edited.length === 0) asked = { path: "/images/generations", body: JSON.stringify(fields), type: "application/json" };
      else {
        const files = [];
        for (const part of edited)
          files.push({ field: edited.length > 1 ? "image[]" : "image", bytes: await call.read(part, "images", MOST_BYTES), part });
        const { mask } = request;
        if (mask !== undefined) files.push({ field: "mask", bytes: await call.read(mask, "mask", MOST_BYTES), part: mask });
        asked = { path: "/images/edits", ...(await form(fields, files)) };
      }
      const headers = { accept: "application/json", "content-type": asked.type, ...server.endpoint.headers };
      const progress: GenerationItem = { type: "progress", state: "running" };
      const options = {
        method: "POST",
        headers: { ...headers, "content-type": asked.type },
        body: asked.body,
        timeoutMs: ASK_MS,
        maxBytes: MOST_ANSWER,
      };
      const response = yield* ticking(ctx.clock, exchange.ask(server.url(asked.path), options), progress, signal);
      const answer: any = yield* ticking(ctx.clock, exchange.read(response), progress, signal);
      const rows = (Array.isArray(answer?.data) ? answer.data : []).slice(0, request.count ?? 1) as any[];
      if (rows.length === 0) throw failure("STREAM", `${server.title} answered without a picture.`, { details: { retryable: false } });
      for (const row of rows) {
        const bytes = await bytesIn(row, server.title, (url) =>
          exchange.ask(url, { maxBytes: MOST_BYTES * 2, redirect: "manual" }).then((one) => exchange.pieces(one)),
        );
        const part = await call.made("image", mediaTypeOf("image", bytes, server.title), bytes);
        yield { type: "part", part, ...(typeof row.revised_prompt === "string" ? { prompt: row.revised_prompt } : {}) };
      }
      yield { type: "usage", usage: usageOf(answer.usage, rows.length, server.known?.price) };
      const withheld = (request.count ?? 1) - rows.length;
      yield { type: "end", reason: "done", ...(withheld > 0 ? { withheld } : {}) };
    },
  };
}

function wishesOf(server: PurposeServer<ImageModel>, request: ImageRequest, unsupported: Unsupported): Record<string, unknown> {
  const { model, known, quirks } = server;
  const { prompt, size, count = 1 } = request;
  if (known?.maxCount !== undefined && count > known.maxCount) unsupported.leave("count", `${count} pictures at once with ${model}`);
  const n = Math.min(count, known?.maxCount ?? count);
  const listed =
    known?.sizes === undefined || size === undefined || known.sizes.some(({ width, height }) => width === size.width && height === size.height);
  if (!listed) unsupported.leave("size", `${size!.width}x${size!.height} with ${model}`);
  return {
    model,
    prompt,
    ...(n > 1 ? { n } : {}),
    ...(size === undefined || !listed ? {} : quirks.widthAndHeight === true ? size : { size: `${size.width}x${size.height}` }),
    ...fieldsFor(server, request as never, unsupported, { names: OPTIONAL, fields: FIELDS }),
    ...responseFormat(server),
  };
}

/** GPT's image models answer with bytes only, and refuse to be told so; others have to be asked for them. */
function responseFormat({ quirks, model }: PurposeServer<ImageModel>): object {
  const { responseFormat: said = "b64_json" } = quirks;
  return said === "none" || /^(gpt|chatgpt)-image/.test(model) ? {} : { response_format: said };
}

function takesImages({ known, model }: PurposeServer<ImageModel>, { images: given = [], mask }: ImageRequest, unsupported: Unsupported): boolean {
  const most = known?.maxImages ?? (known === undefined ? 16 : 0);
  if (given.length > most) unsupported.leave("images", most === 0 ? `pictures to go by with ${model}` : `more than ${most} pictures with ${model}`);
  if (mask !== undefined && (given.length === 0 || most === 0)) unsupported.leave("mask", "a mask without a picture to change");
  return given.length > 0 && given.length <= most;
}

function usageOf(usage: any, images: number, price: number | undefined) {
  const tokens = [usage?.input_tokens, usage?.output_tokens];
  return {
    images,
    ...(tokens.every((one) => Number.isInteger(one) && one >= 0) ? { inputTokens: tokens[0], outputTokens: tokens[1] } : {}),
    ...(price === undefined ? {} : { cost: Number((images * price).toPrecision(10)) }),
  };
}
