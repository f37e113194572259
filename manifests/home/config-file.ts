import { join } from "node:path";
import { parseConfig } from "../check/documents.ts";
import type { Config, ExtensionConfig } from "../schema/config.ts";
import type { ErrorData } from "../wire/error.ts";
import { writeAtomic } from "./atomic-file.ts";
import { stampOf } from "./commit.ts";
import { readTextIfAny } from "./text-file.ts";

/** A configuration that is in force. */
export interface LoadedConfig {
  readonly file: string;
  readonly text: string;
  readonly value: Config;
  /** The state of the file when it was last looked at, whether or not that is what is in force. */
  readonly stamp: string;
  /** What is wrong with the file, where something else than it is in force. */
  readonly problems: readonly ErrorData[];
}

export const configFile = (home: string): string => join(home, "plinth.json");

/**
 * Read and check `plinth.json`; a file that is not there is an empty configuration.
 *
 * @throws PLINTH_CONFIG_INVALID with the place in the file.
 */
export async function loadConfig(home: string): Promise<LoadedConfig> {
  const file = configFile(home);
  const stamp = await stampOf(file);
  const text = (await readTextIfAny(file)) ?? "";
  return { file, text, value: await parseConfig(file, text), stamp, problems: [] };
}

/** One extension's settings; a bare string is a version. */
export function settingsOf(config: Config, id: string): ExtensionConfig {
  const pin = Object.hasOwn(config.extensions ?? {}, id) ? config.extensions?.[id] : undefined;
  return typeof pin === "string" ? { version: pin } : (pin ?? {});
}

/** The configuration with one path set or removed, comments and layout kept; nothing is written. */
export async function editedConfig(loaded: LoadedConfig, path: string, value: unknown): Promise<LoadedConfig> {
  const { editJson5 } = await import("../check/config-edit.ts");
  const { parsePath } = await import("../check/config-path.ts");
  const steps = parsePath(path);
  try {
    return await withText(loaded, editJson5(loaded.text, steps, value));
  } catch (thrown) {
    // A text that cannot be edited is told as one that cannot be read is.
    await parseConfig(loaded.file, loaded.text);
    throw thrown;
  }
}

/** The configuration that a text would be. */
export async function withText(loaded: LoadedConfig, text: string): Promise<LoadedConfig> {
  return { ...loaded, text, value: await parseConfig(loaded.file, text), problems: [] };
}

/** Write it, through a symbolic link where the file is one. Only for whoever holds the writers' lock. */
export async function saveConfig(config: LoadedConfig): Promise<LoadedConfig> {
  await writeAtomic(config.file, config.text, { follow: true });
  return { ...config, stamp: await stampOf(config.file) };
}
