import { canonicalJson, prettyJson } from "../canonical-json.ts";
import * as compiled from "../generated/config.js";
import { withoutMark } from "../home/text-file.ts";
import type { Config } from "../schema/config.ts";
import type { Lockfile } from "../schema/lockfile.ts";
import { PlinthError } from "../wire/error.ts";
import { explain, type Validator } from "./explain.ts";

/** Parse and check a configuration (JSON5). An empty text is an empty configuration. */
export async function parseConfig(file: string, text: string): Promise<Config> {
  const plain = withoutMark(text);
  if (plain.trim() === "") return {};
  let value: unknown;
  try {
    value = JSON.parse(plain);
  } catch {
    try {
      value = (await import("json5")).default.parse(plain);
    } catch (thrown) {
      const { lineNumber, columnNumber } = thrown as { lineNumber?: number; columnNumber?: number };
      const place = lineNumber === undefined ? "" : `line ${lineNumber}, column ${columnNumber}`;
      throw configInvalid(file, place, `it is not JSON5 (${(thrown as Error).message.replace(/^JSON5: /, "").replace(/ at \d+:\d+$/, "")})`);
    }
  }
  try {
    return checked<Config>(file, compiled.config as Validator, value);
  } catch (thrown) {
    throw await placed(thrown, plain);
  }
}

/** Parse and check a lockfile. An empty text is an empty lock. */
export function parseLock(file: string, text: string): Lockfile {
  const plain = withoutMark(text);
  if (plain.trim() === "") return { lockfile: 1, extensions: {} };
  let value: unknown;
  try {
    value = JSON.parse(plain);
  } catch (thrown) {
    throw configInvalid(file, "", (thrown as Error).message);
  }
  return checked<Lockfile>(file, compiled.lockfile as Validator, value);
}

/** Keys sorted, two-space JSON, final newline: the same state gives the same bytes. */
export const formatLock = (lock: Lockfile): string => prettyJson(JSON.parse(canonicalJson(lock)));

function checked<T>(file: string, validate: Validator, value: unknown): T {
  if (validate(value)) return value as T;
  const { path, message } = explain(validate.errors ?? [], value);
  throw configInvalid(file, path, message, { path });
}

/** An error about a path of a document, with the line and the column that it is at in the text. */
export async function placed(thrown: unknown, text: string): Promise<unknown> {
  const { path } = ((thrown as PlinthError).details ?? {}) as { path?: string };
  if (!(thrown instanceof PlinthError) || path === undefined) return thrown;
  const { placeOf } = await import("./place.ts");
  const place = placeOf(text, path);
  if (place === undefined) return thrown;
  const message = `${thrown.message.replace(/\.$/, "")} (line ${place.line}, column ${place.column}).`;
  return new PlinthError(thrown.code, message, { extension: thrown.extension, next: thrown.next, details: { ...place, path } });
}

export const configInvalid = (file: string, where: string, why: string, details?: { path: string }): PlinthError =>
  new PlinthError("PLINTH_CONFIG_INVALID", `${file} is not valid at ${where || "/"}: ${why}.`, {
    next: "Correct the file there, or move it away: without one, everything has its default.",
    details,
  });
