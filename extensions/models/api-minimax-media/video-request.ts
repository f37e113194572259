import type { VideoModel, VideoRequest } from "@plinth/sdk";
import { fieldsFor, type PurposeCall, wellFormed } from "@plinth/sdk/kits/model-api";
import { dataUrl } from "./answer.ts";

type Call = PurposeCall<VideoModel>;
type Picture = NonNullable<VideoRequest["first"]>;

/** What is not said: whether it is left out is asked of each. */
const OPTIONAL = [
  ...["negativePrompt", "seed", "guidance", "steps", "moderation", "extend", "edit", "audio", "sound", "size", "fps", "loop"],
  ...["enhance", "watermark"],
];
const FIELDS = { watermark: "aigc_watermark" };
const MOST_BYTES = 20 * 1_048_576;
const MOST_REFERENCES = 9;
/** Where nothing is said of them, both have to be. */
const [SECONDS, RESOLUTION, ASPECT] = [5, "768P", "16:9"];

/** Models whose server is asked with the second version of its interface. */
export const isSecond = (model: string): boolean => /^MiniMax-H\d/.test(model);

/** What is asked of `video_generation`: https://platform.minimax.io/docs/api-reference/video-generation-t2v and its neighbours. */
export async function bodyOf(call: Call, request: VideoRequest): Promise<object> {
  const { server, unsupported } = call;
  if ((request.count ?? 1) > 1) unsupported.leave("count", "more than one film at once");
  const { enhance, ...rest } = request;
  const second = isSecond(server.model);
  const fields = fieldsFor(server, (second ? request : rest) as never, unsupported, { names: OPTIONAL, fields: FIELDS });
  const wanted = listedOf(call, request);
  const given = await givenOf(call, request);
  const model = { model: server.model };
  if (second) return { ...model, ...contentOf(wellFormed(request.prompt), given, wanted), ...fields };
  if (wanted.aspect !== undefined) unsupported.leave("aspect", `a shape with ${server.model}`);
  return {
    ...{ ...model, prompt: wellFormed(request.prompt) },
    ...(wanted.seconds === undefined ? {} : { duration: wanted.seconds }),
    ...(wanted.resolution === undefined ? {} : { resolution: wanted.resolution }),
    ...(enhance === undefined ? {} : { prompt_optimizer: enhance }),
    ...(given.first === undefined ? {} : { first_frame_image: given.first }),
    ...(given.last === undefined ? {} : { last_frame_image: given.last }),
    ...(given.references.length === 0 ? {} : { subject_reference: [{ type: "character", image: given.references }] }),
    ...fields,
  };
}

interface Wanted {
  seconds?: number | undefined;
  aspect?: string | undefined;
  resolution?: string | undefined;
}

interface Given {
  first?: string;
  last?: string;
  references: string[];
}

/** https://platform.minimax.io/docs/api-reference/video-generation-v2-create */
function contentOf(text: string, { first, last, references }: Given, { seconds = SECONDS, resolution = RESOLUTION, aspect }: Wanted): object {
  const image = (url: string, role: string) => ({ type: "image_url", image_url: { url }, role });
  const framed = first !== undefined || last !== undefined;
  return {
    content: [
      { type: "text", text },
      ...(first === undefined ? [] : [image(first, "first_frame")]),
      ...(last === undefined ? [] : [image(last, "last_frame")]),
      ...references.map((url) => image(url, "reference_image")),
    ],
    ...{ resolution, duration: seconds },
    // With a picture to begin with it has that picture's shape.
    ...(framed ? {} : { ratio: aspect ?? (references.length > 0 ? "adaptive" : ASPECT) }),
  };
}

/** Length, shape and fineness, of those that its data lists. */
function listedOf({ server: { known, model }, unsupported }: Call, { aspect, resolution, seconds, first, last }: VideoRequest): Wanted {
  const listed = <T>(name: string, value: T | undefined, all: readonly T[] | undefined): T | undefined => {
    if (value === undefined || all === undefined || all.includes(value)) return value;
    unsupported.leave(name, `${value}${name === "seconds" ? " seconds" : ""} with ${model}`);
    return undefined;
  };
  const framed = first !== undefined || last !== undefined;
  if (aspect !== undefined && framed && isSecond(model)) unsupported.leave("aspect", "another shape than that of its first or last picture");
  return {
    seconds: listed("seconds", seconds, known?.seconds),
    resolution: listed("resolution", resolution, known?.resolutions),
    aspect: framed && isSecond(model) ? undefined : listed("aspect", aspect, known?.aspects),
  };
}

async function givenOf(call: Call, { first, last, references = [] }: VideoRequest): Promise<Given> {
  const { server, unsupported } = call;
  const takes = (name: string): boolean => {
    if (server.known?.takes === undefined || server.known.takes.includes(name)) return true;
    unsupported.leave(name, `"${name}" with ${server.model}`);
    return false;
  };
  const read = async (part: Picture, param: string) => dataUrl(await call.read(part, param, MOST_BYTES), part.mimeType);
  const given: Given = { references: [] };
  if (first !== undefined && takes("first")) given.first = await read(first, "first");
  if (last !== undefined && takes("last")) given.last = await read(last, "last");
  if (references.length === 0 || !takes("references")) return given;
  const most = isSecond(server.model) ? MOST_REFERENCES : 1;
  if (references.length > most) unsupported.leave("references", `more than ${most} pictures to go by`);
  if (given.first !== undefined || given.last !== undefined) unsupported.leave("references", "pictures to go by beside a first or last one");
  else for (const part of references.slice(0, most)) given.references.push(await read(part, "references"));
  return given;
}
