import type { ContentPart } from "@plinth/sdk";
import { fieldsFor, type PurposeCall, urlOf } from "@plinth/sdk/kits/model-api";
import { toBase64 } from "@plinth/sdk/wire";
import { formOf, type Way } from "./forms.ts";

type Bytes = Extract<ContentPart, { type: "image" | "audio" | "video" }>;
type Known = { id: string; takes?: string[]; maxCount?: number; maxImages?: number; maxSeconds?: number } & Record<string, unknown>;
export type Call = PurposeCall<Known>;

/** What a request may bring, in the order in which ways are named. */
const FILES = ["images", "mask", "first", "last", "references", "extend", "edit", "audio", "reference"];
/** What is not said where it is not wanted. */
const OPTIONAL = [
  ...["negativePrompt", "seed", "guidance", "steps", "moderation", "strength", "size", "aspect", "resolution", "quality", "style"],
  ...["background", "format", "compression", "previews", "enhance", "watermark", "sound", "seconds", "fps", "loop", "lyrics"],
  ...["instrumental", "sampleRate", "bitRate", "language", "instructions", "speed", "markup", "before", "after", "timings"],
];
/** Where the model's data lists what there is. */
const LISTED: readonly (readonly [field: string, list: string])[] = [
  ["aspect", "aspects"],
  ["resolution", "resolutions"],
  ["seconds", "seconds"],
  ["format", "formats"],
];
/** Files go along within the request, which stays small enough to be parsed in a moment. */
const MOST = 16;
const MOST_FILE = 8 * 1_048_576;

export interface Input {
  readonly path: string;
  readonly body: object;
}

/** A request in the words of its model. */
export async function inputOf(call: Call, request: Record<string, any>): Promise<Input> {
  const { server } = call;
  const { form } = formOf(server);
  const way = wayOf(call, request);
  const body: Record<string, unknown> = { ...form.fixed };
  if (request.prompt !== undefined) body[form.prompt ?? "prompt"] = request.prompt;
  if (request.voice !== undefined) place(body, form.fields.voice!, request.voice);
  const rules = { names: OPTIONAL, fields: form.fields };
  const { quirks: _, ...plain } = server;
  const fields = fieldsFor({ ...plain, quirks: {} }, valuesOf(call, request), call.unsupported, rules);
  const count = countOf(call, request);
  if (count > 1) fields[form.fields.count!] = count;
  for (const [name, value] of Object.entries(fields)) place(body, name, value);
  // That they are not wanted is said as well, where a model can be told.
  for (const field of ["sound", "enhance"])
    if (request[field] === false && server.known?.takes?.includes(field) !== false) place(body, form.fields[field]!, false);
  for (const [field, name] of Object.entries(way.files)) {
    const parts: Bytes[] = [request[field] ?? []].flat();
    if (parts.length === 0) continue;
    const urls: string[] = [];
    for (const part of parts) urls.push(await urlFor(call, part, field));
    place(body, name.replace("[]", ""), name.endsWith("[]") ? urls : urls[0]);
  }
  return { path: way.path ?? server.model, body };
}

/** The way of the files that there are; without those that the model does not take together, where that is wanted. */
function wayOf({ server, unsupported }: Call, request: Record<string, unknown>): Way {
  const { way } = formOf(server);
  let there = FILES.filter((field) => request[field] !== undefined);
  while (there.length > 0) {
    const found = way(there);
    const { maxImages = MOST } = server.known ?? {};
    const most = there.includes("images") ? maxImages : MOST;
    if (found !== undefined && [request.images ?? []].flat().length <= most) return found;
    const last = there.at(-1)!;
    unsupported.leave(last, found === undefined ? `"${last}" with ${server.model}` : `more than ${most} pictures with ${server.model}`);
    there = there.slice(0, -1);
  }
  return { files: {} };
}

/** The optional fields as the model wants their values; what it does not list is refused or left out. */
function valuesOf({ server, unsupported }: Call, request: Record<string, unknown>): Record<string, unknown> {
  const { form } = formOf(server);
  const values: Record<string, unknown> = { ...request };
  for (const [field, list] of LISTED) {
    const listed = server.known?.[list];
    if (values[field] === undefined || !Array.isArray(listed) || listed.includes(values[field])) continue;
    unsupported.leave(field, `"${field}" of ${String(values[field])} with ${server.model}`);
    delete values[field];
  }
  const most = server.known?.maxSeconds;
  if (typeof values.seconds === "number") {
    if (most !== undefined && values.seconds > most) {
      unsupported.leave("seconds", `more than ${most} seconds with ${server.model}`);
      delete values.seconds;
    } else if (form.seconds !== undefined) values.seconds = form.seconds === "unit" ? `${values.seconds}s` : String(values.seconds);
  }
  for (const [field, words] of Object.entries(form.values ?? {})) {
    const value = values[field];
    if (value !== undefined && Object.hasOwn(words, String(value))) values[field] = words[String(value)];
  }
  return values;
}

function countOf({ server, unsupported }: Call, { count = 1 }: { count?: number }): number {
  const most = server.known?.maxCount ?? (server.known?.takes?.includes("count") === false ? 1 : MOST);
  if (count <= most) return count;
  unsupported.leave("count", `${count} at once with ${server.model}`);
  return most;
}

async function urlFor(call: Call, part: Bytes, field: string): Promise<string> {
  const bytes = await call.read(part, field, MOST_FILE);
  const { url: _, artifact: __, ...plain } = part;
  return urlOf({ ...plain, base64: toBase64(bytes) })!;
}

/** A name with a dot is within an object. */
function place(body: Record<string, unknown>, name: string, value: unknown): void {
  const [first, ...rest] = name.split(".");
  if (first === undefined || ["__proto__", "constructor", "prototype"].includes(first)) return;
  if (rest.length === 0) body[first] = value;
  else place((body[first] = (body[first] as Record<string, unknown> | undefined) ?? {}) as Record<string, unknown>, rest.join("."), value);
}
