import type { ContentPart, VideoModel, VideoRequest } from "@plinth/sdk";
import { fieldsFor, type PurposeCall } from "@plinth/sdk/kits/model-api";

type Image = Extract<ContentPart, { type: "image" }>;
export type Asked = Pick<VideoRequest, "seconds">;
/** By the server's field. */
export type Files = Readonly<Record<string, readonly Image[]>>;

export const MOST_FILE = 8 * 1_048_576;

const NAMES = [
  ...["negativePrompt", "seed", "guidance", "steps", "moderation", "sound", "seconds", "size", "aspect", "resolution", "fps", "loop"],
  ...["enhance", "watermark"],
];
const STYLES = {
  openai: { fields: { seconds: "seconds", size: "size" }, files: { first: "input_reference" } },
  generations: {
    fields: { seconds: "duration", aspect: "aspect_ratio", resolution: "resolution" },
    files: { first: "image", references: "reference_images" },
  },
} as const;

/** Our field, of one that brings pictures. */
export const fieldOf = (name: string): string => (name === "reference_images" ? "references" : "first");

/** What is asked for, in the server's words; what its model cannot is refused or left out. */
export function bodyOf({ server, unsupported }: PurposeCall<VideoModel>, request: VideoRequest): { fields: Record<string, unknown>; files: Files } {
  const { known, model, quirks } = server;
  const style = quirks.style === "generations" ? STYLES.generations : STYLES.openai;
  const values: Record<string, any> = { ...request };
  for (const [field, list] of [
    ["seconds", known?.seconds],
    ["aspect", known?.aspects],
    ["resolution", known?.resolutions],
  ] as const) {
    if (values[field] === undefined || list === undefined || (list as readonly unknown[]).includes(values[field])) continue;
    unsupported.leave(field, `"${field}" of ${values[field]} with ${model}`);
    delete values[field];
  }
  if (values.size !== undefined) values.size = `${values.size.width}x${values.size.height}`;
  if (values.seconds !== undefined && style === STYLES.openai) values.seconds = String(values.seconds);
  if ((request.count ?? 1) > 1) unsupported.leave("count", "more than one film at once");
  const files: Record<string, readonly Image[]> = {};
  for (const field of ["first", "last", "references", "extend", "edit", "audio"] as const) {
    const value = request[field];
    if (value === undefined) continue;
    const name = (style.files as Readonly<Record<string, string>>)[field];
    const takes = name !== undefined && (known?.takes === undefined || known.takes.includes(field));
    if (takes && !(field === "references" && request.first !== undefined)) files[name] = [value].flat() as Image[];
    else unsupported.leave(field, `"${field}" with ${model}`);
  }
  const fields = fieldsFor(server, values, unsupported, { names: NAMES, fields: style.fields });
  return { fields: { model, prompt: request.prompt, ...fields }, files };
}
