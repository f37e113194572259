import type { Context, GenerationItem, ImageRequest, Provider, VideoRequest } from "@plinth/sdk";
import { failure, fieldsFor, listing, type Medium, PurposeCall, resultPart, ticking } from "@plinth/sdk/kits/model-api";
import { begin, follow, HOSTS } from "./work.ts";

type Contract = "plinth.image-generation" | "plinth.video-generation";
type Request = Partial<ImageRequest & VideoRequest> & { prompt: string };

/** What its models have no field for. */
const OPTIONAL = [
  ...["negativePrompt", "seed", "guidance", "steps", "moderation", "mask", "strength", "size", "aspect", "resolution", "quality", "style"],
  ...["background", "format", "compression", "previews", "enhance", "watermark", "last", "references", "extend", "edit", "audio", "sound"],
  ...["seconds", "fps", "loop"],
];
/** Told to models that make several things; without it some make, and charge for, another one. */
const MODES: { readonly [contract in Contract]: { readonly [model: string]: object } } = {
  "plinth.image-generation": { "grok-imagine": { model: "text-to-image" }, "gemini/generate": { model: "gemini-2.0-flash-exp" } },
  "plinth.video-generation": { "grok-imagine": { model: "text-to-video" } },
};
const OF: { readonly [contract in Contract]: { medium: Medium; max: number } } = {
  "plinth.image-generation": { medium: "image", max: 32 * 1_048_576 },
  "plinth.video-generation": { medium: "video", max: 256 * 1_048_576 },
};
const RUNNING: GenerationItem = { type: "progress", state: "running" };

export function generation(ctx: Context, contract: Contract): Provider<"plinth.video-generation"> {
  const { medium } = OF[contract];
  return {
    status: listing.status,
    models: (input) => listing.models(input),
    async *generate(request, { signal }): AsyncGenerator<GenerationItem> {
      const call = new PurposeCall(ctx, request, signal);
      const body = bodyOf(call, contract, request as Request);
      const begun = yield* ticking(ctx.clock, begin(call, body, medium), RUNNING, signal);
      yield* call.unsupported.warnings;
      if ("url" in begun) return yield* made(ctx, contract, call, begun.url);
      yield { type: "job", job: begun.job };
      yield* followed(ctx, contract, call, begun.job);
    },
    async *resume({ job, endpoint }, { signal }): AsyncGenerator<GenerationItem> {
      // Whose work it is, its name says; the model is not asked for again.
      const call = new PurposeCall(ctx, { ...(endpoint === undefined ? {} : { endpoint }), model: "" }, signal);
      yield* followed(ctx, contract, call, job);
    },
    // It has no way to end work.
    cancel: () => ({ cancelled: false }),
  };
}

async function* followed(ctx: Context, contract: Contract, call: PurposeCall<{ id: string }>, job: string): AsyncGenerator<GenerationItem> {
  const url = yield* follow(ctx, call, job, OF[contract].medium);
  if (url === undefined) yield { type: "end", reason: "cancelled" };
  else yield* made(ctx, contract, call, url);
}

async function* made(ctx: Context, contract: Contract, call: PurposeCall<{ id: string }>, url: string): AsyncGenerator<GenerationItem> {
  const { medium, max } = OF[contract];
  const part = yield* ticking(ctx.clock, resultPart(medium, url, call.results({ hosts: HOSTS, max })), RUNNING, call.signal);
  yield { type: "part", part };
  const { price } = (call.server.known ?? {}) as { price?: number };
  if (medium === "image") yield { type: "usage", usage: { images: 1, ...(price === undefined ? {} : { cost: price }) } };
  yield { type: "end", reason: "done" };
}

function bodyOf({ server, unsupported }: PurposeCall<{ id: string; takes?: string[] }>, contract: Contract, request: Request): object {
  const { prompt, count = 1, images = [], first } = request;
  const { model, title } = server;
  const more = fieldsFor(server, request, unsupported, { names: OPTIONAL, fields: {} });
  if (count > 1) unsupported.leave("count", "more than one at once");
  const most = (server.known as { maxImages?: number } | undefined)?.maxImages ?? 1;
  if (images.length > most) unsupported.leave("images", `${images.length} pictures with ${model}`);
  const startsWith = server.known?.takes === undefined || server.known.takes.includes("first");
  if (first !== undefined && !startsWith) unsupported.leave("first", `a picture to begin with, with ${model}`);
  const picture = (startsWith ? first : undefined) ?? images.slice(0, most)[0];
  const address = picture === undefined ? {} : { image_url: addressOf(picture, title, first === undefined ? "images" : "first") };
  return { prompt, ...MODES[contract][model], ...address, ...more };
}

/** Its server fetches pictures itself. */
function addressOf({ url }: NonNullable<ImageRequest["images"]>[number], title: string, param: string): string {
  if (url !== undefined && /^https:\/\//.test(url)) return url;
  throw failure("UNSUPPORTED", `${title} takes pictures by their address alone.`, {
    next: "Name a picture that is on the web, or use another provider.",
    details: { param, retryable: false },
  });
}
