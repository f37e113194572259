import type { VideoModel, VideoRequest } from "@plinth/sdk";
import { type PurposeCall, wellFormed } from "@plinth/sdk/kits/model-api";
import { vendorWishes } from "./content.ts";

type Call = PurposeCall<VideoModel>;
type Picture = NonNullable<VideoRequest["first"]>;

/** What no model of Google's minds. */
const NEVER = ["guidance", "steps", "moderation", "edit", "audio", "size", "fps", "loop"] as const;
const FIELDS = { negativePrompt: "negativePrompt", seed: "seed" } as const;
const MOST_BYTES = 14 * 1_048_576;
const MOST_REFERENCES = 3;

/** What is asked of `predictLongRunning`: https://ai.google.dev/gemini-api/docs/veo#veo-model-parameters */
export async function bodyOf(call: Call, request: VideoRequest): Promise<object> {
  const { server, unsupported } = call;
  const { count = 1, prompt } = request;
  for (const name of NEVER) if (request[name] !== undefined) unsupported.leave(name, `"${name}"`);
  if (request.watermark === false) unsupported.leave("watermark", "films without its mark");
  if (request.enhance !== undefined) unsupported.leave("enhance", '"enhance"');
  const parameters: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(FIELDS)) {
    const value = request[name as keyof typeof FIELDS];
    if (value !== undefined && takes(call, name)) parameters[field] = value;
  }
  Object.assign(parameters, listedOf(call, request), soundOf(call, request));
  if (count > 1 && takes(call, "count")) parameters.sampleCount = count;
  return {
    instances: [{ prompt: wellFormed(prompt), ...(await givenOf(call, request)) }],
    parameters: { ...parameters, ...vendorWishes(request, server) },
  };
}

/** Whether it can be sent; what cannot be is refused or left out. A model that is not known is told it. */
function takes({ server: { known, model }, unsupported }: Call, name: string): boolean {
  if (known?.takes === undefined || known.takes.includes(name)) return true;
  unsupported.leave(name, `"${name}" with ${model}`);
  return false;
}

/** Shape and length, of those that its data lists. */
function listedOf({ server: { known, model }, unsupported }: Call, { aspect, resolution, seconds }: VideoRequest): object {
  const listed = <T>(name: string, value: T | undefined, all: readonly T[] | undefined): T | undefined => {
    if (value === undefined || all === undefined || all.includes(value)) return value;
    unsupported.leave(name, `${value}${name === "seconds" ? " seconds" : ""} with ${model}`);
    return undefined;
  };
  const [shape, fine, long] = [
    listed("aspect", aspect, known?.aspects),
    listed("resolution", resolution, known?.resolutions),
    listed("seconds", seconds, known?.seconds),
  ];
  return {
    ...(shape === undefined ? {} : { aspectRatio: shape }),
    ...(fine === undefined ? {} : { resolution: fine }),
    ...(long === undefined ? {} : { durationSeconds: long }),
  };
}

/** On Vertex AI it is said whether there is sound; elsewhere there always is. */
function soundOf({ server: { quirks, model }, unsupported }: Call, { sound }: VideoRequest): object {
  if (sound === undefined) return {};
  if (quirks.vertex === true) return { generateAudio: sound };
  if (!sound) unsupported.leave("sound", `films without sound with ${model}`);
  return {};
}

async function givenOf(call: Call, { first, last, references = [], extend }: VideoRequest): Promise<object> {
  const read = async (part: Picture, param: string) => {
    const bytes = await call.read(part, param, MOST_BYTES);
    return { bytesBase64Encoded: Buffer.from(bytes).toString("base64"), mimeType: part.mimeType.split(";")[0]!.trim().toLowerCase() };
  };
  const given: Record<string, unknown> = {};
  if (first !== undefined && takes(call, "first")) given.image = await read(first, "first");
  if (last !== undefined && takes(call, "last")) {
    if (first === undefined) call.unsupported.leave("last", "a last picture without a first one");
    else given.lastFrame = await read(last, "last");
  }
  if (references.length > MOST_REFERENCES) call.unsupported.leave("references", `more than ${MOST_REFERENCES} pictures to go by`);
  if (references.length > 0 && takes(call, "references")) {
    const images = [];
    for (const part of references.slice(0, MOST_REFERENCES)) images.push({ image: await read(part, "references"), referenceType: "asset" });
    given.referenceImages = images;
  }
  // Elsewhere than on Vertex AI it goes on from films by their address there, and takes no bytes.
  if (extend !== undefined && takes(call, "extend")) {
    if (call.server.quirks.vertex !== true) call.unsupported.leave("extend", "the bytes of a film to go on from");
    else given.video = await read(extend as never, "extend");
  }
  return given;
}
