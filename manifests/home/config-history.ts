import { mkdir, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { errorData, type PlinthError } from "../wire/error.ts";
import { writeAtomic } from "./atomic-file.ts";
import { stampOf } from "./commit.ts";
import { configFile, type LoadedConfig, withText } from "./config-file.ts";
import { readTextIfAny } from "./text-file.ts";

/** So many configurations that were in force are kept. */
const KEPT = 20;
const NAME = /^(\d{6})\.json5$/;

export interface KeptConfig {
  /** Grows by one with each that is kept. */
  readonly number: number;
  /** When it was kept, in milliseconds since the epoch. */
  readonly at: number;
  readonly text: string;
}

const folderOf = (home: string): string => join(home, "host", "config");

/** Keep a configuration that is in force, unless it is the newest one that is kept. Only for whoever holds the writers' lock. */
export async function keepConfig(home: string, text: string): Promise<void> {
  const folder = folderOf(home);
  const numbers = await numbersIn(folder);
  const newest = numbers.at(-1);
  if (newest !== undefined && (await readTextIfAny(fileOf(folder, newest))) === text) return;
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await writeAtomic(fileOf(folder, (newest ?? 0) + 1), text);
  for (const number of numbers.slice(0, Math.max(0, numbers.length + 1 - KEPT))) await rm(fileOf(folder, number), { force: true });
}

/** The kept configurations, newest first. */
export async function keptConfigs(home: string): Promise<KeptConfig[]> {
  const folder = folderOf(home);
  const kept: KeptConfig[] = [];
  for (const number of (await numbersIn(folder)).reverse()) {
    const text = await readTextIfAny(fileOf(folder, number));
    if (text !== undefined) kept.push({ number, at: (await stat(fileOf(folder, number))).mtimeMs, text });
  }
  return kept;
}

/** Which one was in force before a text: the one kept before it, or the newest one where it was never in force. */
export function beforeIn(kept: readonly KeptConfig[], text: string): KeptConfig | undefined {
  return kept[kept.findIndex((one) => one.text === text) + 1];
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

async function numbersIn(folder: string): Promise<number[]> {
  const names = await readdir(folder).catch(() => []);
  return names
    .flatMap((name) => NAME.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b);
}

const fileOf = (folder: string, number: number): string => join(folder, `${String(number).padStart(6, "0")}.json5`);
