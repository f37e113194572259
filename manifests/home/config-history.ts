import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { errorData, type PlinthError } from "../wire/error.ts";
import { writeAtomic } from "./atomic-file.ts";
import { stampOf } from "./commit.ts";
import { configFile, type LoadedConfig, withText } from "./config-file.ts";
import { readTextIfAny } from "./text-file.ts";

/** So many configurations that were in force are kept. */
const KEPT = 20;
const NAME = /^(\d{6})(?:-as-(\d{6}))?\.json5$/;

export interface KeptConfig {
  /** Grows by one with each that is kept. */
  readonly number: number;
  /** When it was kept, in milliseconds since the epoch. */
  readonly at: number;
  readonly text: string;
  /** It is this one again: an undo brought it back. */
  readonly as?: number;
}

const folderOf = (home: string): string => join(home, "host", "config");

/**
 * Keep a configuration that is in force, unless it is the newest one that is kept, or blank. Only for whoever holds the
 * writers' lock.
 *
 * @param as the one that an undo brought back.
 */
export async function keepConfig(home: string, text: string, as?: number): Promise<void> {
  const folder = folderOf(home);
  const entries = await entriesIn(folder);
  const newest = entries.at(-1);
  if (text.trim() === "" || (newest !== undefined && (await readTextIfAny(join(folder, newest.name))) === text)) return;
  const again = as === undefined ? "" : `-as-${padded(as)}`;
  await writeAtomic(join(folder, `${padded((newest?.number ?? 0) + 1)}${again}.json5`), text);
  for (const { name } of entries.slice(0, Math.max(0, entries.length + 1 - KEPT))) await rm(join(folder, name), { force: true });
}

/** The kept configurations, newest first. */
export async function keptConfigs(home: string): Promise<KeptConfig[]> {
  const folder = folderOf(home);
  const kept: KeptConfig[] = [];
  for (const { name, number, as } of (await entriesIn(folder)).reverse()) {
    const text = await readTextIfAny(join(folder, name));
    if (text !== undefined) kept.push({ number, at: (await stat(join(folder, name))).mtimeMs, text, ...(as === undefined ? {} : { as }) });
  }
  return kept;
}

/**
 * Which one was in force before a text: the one kept before it, or the newest one where it was never in force. Of one that
 * an undo brought back, the one before the original: several undos go back step by step.
 */
export function beforeIn(kept: readonly KeptConfig[], text: string): KeptConfig | undefined {
  const now = kept.find((one) => one.text === text);
  if (now === undefined) return kept[0];
  const number = now.as ?? now.number;
  return kept.find((one) => one.number < number && one.text !== text);
}

/**
 * The newest kept configuration that can be in force, for a start with a file that cannot.
 *
 * @throws `refused` where there is none.
 */
export async function lastGoodConfig(home: string, refused: unknown): Promise<LoadedConfig> {
  if ((refused as Partial<PlinthError>).code !== "PLINTH_CONFIG_INVALID") throw refused;
  const file = configFile(home);
  const empty: LoadedConfig = { file, text: "", value: {}, stamp: await stampOf(file), problems: [] };
  for (const { text, at, number } of await keptConfigs(home)) {
    const config = await withText(empty, text).catch(() => undefined);
    if (config !== undefined) return { ...config, problems: [notInForce(refused, `number ${number}, of ${new Date(at).toISOString()}`)] };
  }
  throw refused;
}

/** What is wrong with the file, and what is in force instead. */
export function notInForce(refused: unknown, instead: string): LoadedConfig["problems"][number] {
  const { message, ...data } = errorData(refused);
  return {
    ...data,
    message: `${message} In force is the last good configuration (${instead}).`,
    next: "Correct the file: it takes effect when it is saved. Or go back to what is in force: plinth config undo",
  };
}

async function entriesIn(folder: string): Promise<{ name: string; number: number; as?: number }[]> {
  const names = await readdir(folder).catch(() => []);
  const found = names.flatMap((name) => {
    const [, number, as] = NAME.exec(name) ?? [];
    return number === undefined ? [] : [{ name, number: Number(number), ...(as === undefined ? {} : { as: Number(as) }) }];
  });
  return found.sort((a, b) => a.number - b.number);
}

const padded = (number: number): string => String(number).padStart(6, "0");
