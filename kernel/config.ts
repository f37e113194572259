import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Config, ExtensionConfig } from "@plinth/manifests";
import { parseConfig } from "@plinth/manifests/check/documents.ts";

export interface LoadedConfig {
  readonly file: string;
  readonly text: string;
  readonly value: Config;
}

/** Read and check `plinth.json`; a file that is not there is an empty configuration. */
export async function loadConfig(home: string): Promise<LoadedConfig> {
  const file = join(home, "plinth.json");
  let text = "";
  try {
    text = await readFile(file, "utf8");
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== "ENOENT") throw thrown;
  }
  return { file, text, value: await parseConfig(file, text) };
}

/** One extension's settings; a bare string is a version. */
export function settingsOf(config: Config, id: string): ExtensionConfig {
  const pin = Object.hasOwn(config.extensions ?? {}, id) ? config.extensions?.[id] : undefined;
  return typeof pin === "string" ? { version: pin } : (pin ?? {});
}

/** Set or remove one path, keeping comments and layout; the result is checked before anything is written. */
export async function editConfig(loaded: LoadedConfig, path: string, value: unknown): Promise<LoadedConfig> {
  const { editJson5 } = await import("@plinth/manifests/check/config-edit.ts");
  const { parsePath } = await import("@plinth/manifests/check/config-path.ts");
  const text = editJson5(loaded.text, parsePath(path), value);
  const next = { file: loaded.file, text, value: await parseConfig(loaded.file, text) };
  await writeAtomic(loaded.file, text);
  return next;
}

/** Write beside, then rename: a reader sees the old or the new file, never a part. */
export async function writeAtomic(file: string, text: string, mode = 0o600): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  const temporary = `${file}.${process.pid}.${Math.random().toString(36).slice(2)}.tmp`;
  await writeFile(temporary, text, { mode, flush: true });
  await rename(temporary, file);
}
