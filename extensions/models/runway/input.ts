import type { ContentPart } from "@plinth/sdk";
import { fieldsFor, type PurposeCall, urlOf } from "@plinth/sdk/kits/model-api";
import { toBase64 } from "@plinth/sdk/wire";

type Bytes = Extract<ContentPart, { type: "image" }>;
type Known = { id: string; takes?: string[]; maxImages?: number; aspects?: string[]; seconds?: number[] };
export type Call = PurposeCall<Known>;

/** How one of its models is asked, as the vendor's data says it. */
interface Form {
  /** By the ratio of width to height, the size that stands for it; the first is the usual one. */
  readonly ratios?: Readonly<Record<string, string>>;
  /** Other sizes that it makes. */
  readonly sizes?: readonly string[];
  /** What each request has where it is not said. */
  readonly usual?: Readonly<Record<string, unknown>>;
}

const NAMES = [
  ...["negativePrompt", "seed", "guidance", "steps", "moderation", "seconds", "sound", "quality", "background", "resolution", "style", "strength"],
  ...["format", "compression", "previews", "enhance", "watermark", "fps", "loop"],
];
const FIELDS = { negativePrompt: "negativePrompt", seed: "seed", seconds: "duration", sound: "audio", quality: "quality", background: "background" };
const OTHERS = ["mask", "extend", "edit", "audio"];
/** A data URI has at most five megabytes (https://docs.dev.runwayml.com/assets/inputs). */
const MOST_FILE = 3_700_000;

/** A request in Runway's words. */
export async function inputOf(call: Call, request: Record<string, any>): Promise<object> {
  const { server, unsupported } = call;
  const forms = server.quirks.forms as Readonly<Record<string, Form>> | undefined;
  const form: Form = forms !== undefined && Object.hasOwn(forms, server.model) ? forms[server.model]! : {};
  for (const field of OTHERS) if (request[field] !== undefined) unsupported.leave(field, `"${field}" with ${server.model}`);
  const values = { ...request };
  if (values.seconds !== undefined && server.known?.seconds?.includes(values.seconds) === false) {
    unsupported.leave("seconds", `a film of ${values.seconds} seconds with ${server.model}`);
    delete values.seconds;
  }
  const { quirks: _, ...plain } = server;
  const fields = fieldsFor({ ...plain, quirks: {} }, values, unsupported, { names: NAMES, fields: FIELDS });
  const count = countOf(call, request);
  const ratio = ratioOf(call, form, request);
  const isFilm = request.first !== undefined || request.last !== undefined;
  return {
    model: server.model,
    promptText: request.prompt,
    ...(ratio === undefined ? {} : { ratio }),
    ...form.usual,
    ...(count > 1 ? { outputCount: count } : {}),
    ...(request.sound === false && server.known?.takes?.includes("sound") !== false ? { audio: false } : {}),
    ...fields,
    ...(isFilm ? await framesOf(call, request) : await picturesOf(call, request)),
  };
}

function countOf({ server, unsupported }: Call, { count = 1 }: { count?: number }): number {
  if (count <= 1 || server.known === undefined || server.known.takes?.includes("count") === true) return count;
  unsupported.leave("count", `${count} at once with ${server.model}`);
  return 1;
}

function ratioOf({ server, unsupported }: Call, { ratios = {}, sizes = [] }: Form, { size, aspect }: Record<string, any>): string | undefined {
  const usual = Object.values(ratios)[0];
  if (size !== undefined) {
    const wanted = `${size.width}:${size.height}`;
    if (server.known === undefined || sizes.includes(wanted) || Object.values(ratios).includes(wanted)) return wanted;
    unsupported.leave("size", `${size.width}x${size.height} with ${server.model}`);
    return usual;
  }
  if (aspect === undefined) return usual;
  if (Object.hasOwn(ratios, aspect)) return ratios[aspect];
  if (server.known === undefined) return aspect;
  unsupported.leave("aspect", `${aspect} with ${server.model}`);
  return usual;
}

/** The pictures that a film begins and ends with. */
async function framesOf(call: Call, { first, last }: Record<string, any>): Promise<object> {
  const { server, unsupported } = call;
  const frames: { uri: string; position: string }[] = [];
  for (const [field, part] of [
    ["first", first],
    ["last", last],
  ] as [string, Bytes | undefined][]) {
    if (part === undefined) continue;
    if (server.known?.takes?.includes(field) === false) unsupported.leave(field, `"${field}" with ${server.model}`);
    else frames.push({ uri: await addressOf(call, part, field), position: field });
  }
  return frames.length === 0 ? {} : { promptImage: frames };
}

/** Pictures to go by. */
async function picturesOf(call: Call, request: Record<string, any>): Promise<object> {
  const { server, unsupported } = call;
  const field = request.references === undefined ? "images" : "references";
  const parts: Bytes[] = request[field] ?? [];
  const most = field === "references" && server.known?.takes?.includes("references") === false ? 0 : (server.known?.maxImages ?? 3);
  if (parts.length > most)
    unsupported.leave(field, most === 0 ? `"${field}" with ${server.model}` : `more than ${most} pictures with ${server.model}`);
  const uris: { uri: string }[] = [];
  for (const part of parts.slice(0, most)) uris.push({ uri: await addressOf(call, part, field) });
  if (uris.length === 0) return {};
  return field === "references" ? { references: uris } : { referenceImages: uris };
}

async function addressOf(call: Call, part: Bytes, field: string): Promise<string> {
  const bytes = await call.read(part, field, MOST_FILE);
  const { url: _, artifact: __, ...plain } = part;
  return urlOf({ ...plain, base64: toBase64(bytes) })!;
}
