import type { ModelOptions } from "@plinth/sdk";
import { ApiFailure } from "./failure.ts";
import type { Fates } from "./fates.ts";

export type Fields = Readonly<Record<string, unknown>>;

export const invalid = (message: string, param: string | null, code: string | null = null): ApiFailure =>
  new ApiFailure(400, message, { param, code });

/** What cannot be honoured, in words. */
export const unsupported = (param: string, why: string): ApiFailure =>
  invalid(`\`${param}\` is not supported: ${why}`, param, "unsupported_parameter");

export const objectOf = (value: unknown): Record<string, unknown> | undefined =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined;

/** Not there, or nothing that could be missed. */
export const isEmpty = (value: unknown): boolean =>
  value === undefined || value === null || value === false || value === 0 || (typeof value === "object" && Object.keys(value).length === 0);

/** What is nested deeper cannot be passed on: to write it down again takes a stack that is deeper still. */
const DEEPEST = 128;

export const isDeep = (value: unknown, left = DEEPEST): boolean =>
  typeof value === "object" && value !== null && (left === 0 || Object.values(value).some((one) => isDeep(one, left - 1)));

export function parseBody(body: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    throw invalid("The body is not JSON.", null);
  }
  const request = objectOf(value);
  if (request === undefined) throw invalid("The body is not a JSON object.", null);
  const deep = Object.keys(request).find((name) => isDeep(request[name]));
  if (deep !== undefined) throw invalid(`The body is nested deeper than ${DEEPEST} levels.`, deep.slice(0, 64));
  return request;
}

/** What every dialect says in the same words. */
export function readCommon({ model, stream }: Fields): { model: string; stream: boolean } {
  if (typeof model !== "string" || model === "" || model.length > 512) throw invalid("`model` must be a text such as plinth.", "model");
  if (stream !== undefined && stream !== null && typeof stream !== "boolean") throw invalid("`stream` must be true or false.", "stream");
  return { model, stream: stream === true };
}

/** Who the client says it speaks for. */
export function readUser(value: unknown): string | undefined {
  if (value !== undefined && value !== null && typeof value !== "string") throw invalid("`user` must be a text.", "user");
  if (typeof value === "string" && value.length > 200) throw invalid("`user` is longer than 200 characters.", "user");
  return value || undefined;
}

/** Requests with the same key begin alike. */
export const readCacheKey = (value: unknown): { cacheKey?: string } =>
  typeof value === "string" && value !== "" ? { cacheKey: value.slice(0, 256) } : {};

/** @param param the field that named it, where it was no header. */
export function readSession(value: unknown, param: string): string | undefined {
  if (value === undefined || value === null || value === "") return undefined;
  if (typeof value === "string" && /^[\w.:@+-]{1,128}$/.test(value)) return value;
  throw invalid("A session is named by 1 to 128 letters, digits and . : @ + - _", param);
}

/** The key of a conversation, from the header or the request's metadata, and whether those hold more than that. */
export function readMetadata(value: unknown, header: string | undefined): { session: string | undefined; more: boolean } {
  const { session, ...metadata } = objectOf(value) ?? {};
  return { session: readSession(header ?? session, "metadata"), more: Object.keys(metadata).length > 0 };
}

export function number<K extends string>(request: Fields, name: string, ours: K, min: number, max: number): { [N in K]?: number } {
  const value = request[name];
  if (value === undefined || value === null) return {};
  if (typeof value !== "number" || !(value >= min && value <= max)) throw invalid(`\`${name}\` must be a number from ${min} to ${max}.`, name);
  return { [ours]: value } as { [N in K]?: number };
}

export function integer<K extends string>(request: Fields, name: string, ours: K, min: number): { [N in K]?: number } {
  const value = request[name];
  if (value === undefined || value === null) return {};
  if (!Number.isSafeInteger(value) || (value as number) < min)
    throw invalid(`\`${name}\` must be a whole number${min === 1 ? " from 1 on" : ""}.`, name);
  return { [ours]: value } as { [N in K]?: number };
}

export function readStop(value: unknown, param: string): Pick<ModelOptions, "stop"> {
  if (value === undefined || value === null || (Array.isArray(value) && value.length === 0)) return {};
  const stop: unknown[] = Array.isArray(value) ? value : [value];
  if (stop.length > 16 || !stop.every((one) => typeof one === "string" && one !== "")) {
    throw invalid(`\`${param}\` must be a text, or a list of at most 16 texts, none of them empty.`, param);
  }
  return { stop: stop as string[] };
}

export function readEffort(value: unknown, param: string): Pick<ModelOptions, "thinking"> {
  if (value === undefined || value === null) return {};
  if (typeof value !== "string" || value === "" || value.length > 64) throw invalid(`\`${param}\` must be a text.`, param);
  return { thinking: value === "none" ? "off" : { effort: value } };
}

/** A format with a schema as OpenAI and Anthropic describe it: `{schema, name?, strict?}`. */
export function readSchema(value: unknown): Pick<ModelOptions, "output"> | undefined {
  const { name, schema, strict } = objectOf(value) ?? {};
  const given = objectOf(schema);
  if (given === undefined) return undefined;
  return {
    output: {
      schema: given,
      ...(typeof name === "string" ? { name: name.slice(0, 64) } : {}),
      ...(typeof strict === "boolean" ? { strict } : {}),
    },
  };
}

export const isToolName = (name: unknown): name is string => typeof name === "string" && /^[\w.-]{1,128}$/.test(name);

/** A list of tools as it came. */
export function toolList(value: unknown): unknown[] {
  if (isEmpty(value)) return [];
  if (!Array.isArray(value) || value.length > 512) throw invalid("`tools` must be a list of at most 512 tools.", "tools");
  return value;
}

/** Fails with the first field that is refused. @param allowed values that ask for nothing. */
export function assertNoneRefused(request: Fields, fates: Fates, allowed: readonly unknown[] = []): void {
  for (const [name, fate] of Object.entries(fates))
    if (typeof fate === "string" && !isEmpty(request[name]) && !allowed.includes(request[name])) throw unsupported(name, fate);
}

/** Fields that are there and not used, whether they are known or not, for the header `x-plinth-ignored`. */
export function unread(request: Fields, fates: Fates): string[] {
  const unknown = Object.keys(request).filter((name) => fates[name] !== true && !isEmpty(request[name]) && /^[\w.-]{1,64}$/.test(name));
  const within = Object.entries(fates).flatMap(([path, fate]) =>
    fate === false && path.includes(".") && isAt(request, path.split(".")) ? [path] : [],
  );
  return [...unknown, ...within];
}

/** Whether something stands at a path, in one of the objects where it leads through lists. */
function isAt(value: unknown, [name, ...rest]: readonly string[]): boolean {
  if (Array.isArray(value)) return value.some((one) => isAt(one, [name as string, ...rest]));
  const inner = objectOf(value)?.[name as string];
  return rest.length === 0 ? !isEmpty(inner) && inner !== "auto" : isAt(inner, rest);
}

/** A name that goes into a header. */
export const headerName = (name: string): string => name.replace(/[^\w.-]/g, "").slice(0, 64);
