import { canonicalJson, prettyJson } from "../canonical-json.ts";
import * as compiled from "../generated/config.js";
import type { Config } from "../schema/config.ts";
import type { Lockfile } from "../schema/lockfile.ts";
import { PlinthError } from "../wire/error.ts";
import { explain, type Validator } from "./explain.ts";

/** Parse and check a configuration (JSON5). An empty text is an empty configuration. */
export async function parseConfig(file: string, text: string): Promise<Config> {
  if (text.trim() === "") return {};
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    try {
      value = (await import("json5")).default.parse(text);
    } catch (thrown) {
      throw configInvalid(file, "", `it is not JSON5 (${(thrown as Error).message})`);
    }
  }
  return checked<Config>(file, compiled.config as Validator, value);
}

/** Parse and check a lockfile. An empty text is an empty lock. */
export function parseLock(file: string, text: string): Lockfile {
  if (text.trim() === "") return { lockfile: 1, extensions: {} };
  let value: unknown;
  try {
    value = JSON.parse(text);
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
  throw configInvalid(file, path, message);
}

export const configInvalid = (file: string, where: string, why: string): PlinthError =>
  new PlinthError("PLINTH_CONFIG_INVALID", `${file} is not valid at ${where || "/"}: ${why}.`, {
    next: "Correct the file, or run `plinth config unset PATH`. Nothing was changed.",
  });
