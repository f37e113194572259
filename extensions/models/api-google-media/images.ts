import type { Context, GenerationItem, ImageModel, ImageRequest, MeteredUsage, Provider } from "@plinth/sdk";
import { listing, mediaTypeOf, PurposeCall, ticking, wellFormed } from "@plinth/sdk/kits/model-api";
import { bytesOf, inlineOf, type Made, madeIn, methodUrl, nothing, vendorWishes } from "./content.ts";

type Call = PurposeCall<ImageModel>;

/** What no model of Google's minds. */
const NEVER = ["negativePrompt", "guidance", "steps", "moderation", "mask", "strength", "size", "quality", "style", "background", "previews"];
const ASK_MS = 170_000;
const MOST_BYTES = 14 * 1_048_576;
const MOST_ANSWER = 96 * 1_048_576;
const MOST_IMAGES = 14;
/** Requests for one picture each, at once. */
const AT_ONCE = 4;

/** `…:generateContent` of models that answer with pictures: https://ai.google.dev/gemini-api/docs/generate-content/image-generation */
export function images(ctx: Context): Provider<"plinth.image-generation"> {
  return {
    status: listing.status,
    models: (input) => listing.models<ImageModel>(input),
    async *generate(request, { signal }): AsyncGenerator<GenerationItem> {
      const call = new PurposeCall<ImageModel>(ctx, request, signal);
      const body = JSON.stringify(await bodyOf(call, request));
      yield* call.unsupported.warnings;
      const { count = 1 } = request;
      const usage: MeteredUsage = { images: 0 };
      let withheld = 0;
      // A request makes one picture, and what it costs is the same.
      for (let asked = 0; asked < count; asked += AT_ONCE) {
        const some = Array.from({ length: Math.min(AT_ONCE, count - asked) }, () => ask(call, body));
        for (const made of yield* ticking(ctx.clock, Promise.all(some), { type: "progress", state: "running" }, signal)) {
          const bytes = made.parts.map(bytesOf).find((one) => one !== undefined);
          for (const name of ["inputTokens", "outputTokens"] as const)
            if (made.usage[name] !== undefined) usage[name] = (usage[name] ?? 0) + made.usage[name];
          if (bytes !== undefined) {
            usage.images! += 1;
            yield { type: "part", part: await call.made("image", mediaTypeOf("image", bytes, call.server.title), bytes) };
          } else if (made.withheld === undefined) throw nothing(call.server.title, "a picture", made);
          else withheld += 1;
        }
      }
      const { price } = call.server.known ?? {};
      yield { type: "usage", usage: { ...usage, ...(price === undefined ? {} : { cost: Number((usage.images! * price).toPrecision(10)) }) } };
      yield { type: "end", reason: withheld < count ? "done" : "filter", ...(withheld > 0 ? { withheld } : {}) };
    },
  };
}

async function ask({ exchange, server }: Call, body: string): Promise<Made> {
  const headers = { accept: "application/json", "content-type": "application/json", ...server.endpoint.headers };
  const options = { method: "POST", headers, body, timeoutMs: ASK_MS, maxBytes: MOST_ANSWER };
  return madeIn(await exchange.read(await exchange.ask(methodUrl(server, "generateContent"), options)), server.title);
}

async function bodyOf(call: Call, request: ImageRequest): Promise<object> {
  const { server, unsupported } = call;
  const { known, model, quirks } = server;
  for (const name of NEVER) if (request[name as "size"] !== undefined) unsupported.leave(name, `"${name}"`);
  const wanted = <Name extends "aspect" | "resolution">(name: Name, listed: readonly string[] | undefined): string | undefined => {
    const value = request[name];
    if (value === undefined || listed === undefined || listed.includes(value)) return value;
    unsupported.leave(name, `${value} with ${model}`);
    return undefined;
  };
  const minded = <Name extends "seed" | "format" | "compression">(name: Name): ImageRequest[Name] | undefined => {
    if (request[name] === undefined || known?.takes?.includes(name) === true) return request[name];
    unsupported.leave(name, `"${name}"`);
    return undefined;
  };
  // Each picture bears a mark that is not seen, and words are made better by nobody.
  if (request.watermark === false) unsupported.leave("watermark", "pictures without its mark");
  if (request.enhance === true) unsupported.leave("enhance", '"enhance"');
  const [aspectRatio, imageSize] = [wanted("aspect", known?.aspects), wanted("resolution", known?.resolutions)];
  const [seed, format, compression] = [minded("seed"), minded("format"), minded("compression")];
  const output = {
    ...(format === undefined ? {} : { mimeType: `image/${format}` }),
    ...(compression === undefined ? {} : { compressionQuality: compression }),
  };
  const imageConfig = {
    ...(aspectRatio === undefined ? {} : { aspectRatio }),
    ...(imageSize === undefined ? {} : { imageSize }),
    ...(quirks.vertex === true && Object.keys(output).length > 0 ? { imageOutputOptions: output } : {}),
  };
  return {
    contents: [{ role: "user", parts: [{ text: wellFormed(request.prompt) }, ...(await given(call, request))] }],
    generationConfig: {
      responseModalities: ["IMAGE"],
      ...(seed === undefined ? {} : { seed }),
      ...(Object.keys(imageConfig).length === 0 ? {} : { imageConfig }),
      ...vendorWishes(request, server),
    },
  };
}

/** Pictures to change, or to go by. */
async function given(call: Call, { images: pictures = [] }: ImageRequest): Promise<object[]> {
  const most = call.server.known?.maxImages ?? MOST_IMAGES;
  if (pictures.length > most) call.unsupported.leave("images", `more than ${most} pictures with ${call.server.model}`);
  const parts: object[] = [];
  for (const part of pictures.slice(0, most)) parts.push(inlineOf(await call.read(part, "images", MOST_BYTES), part.mimeType));
  return parts;
}
