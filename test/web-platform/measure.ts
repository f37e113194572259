import { readFileSync } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { join, posix } from "node:path";
import { TestGuest } from "../../sdk/guest/isolate/guest.testing.ts";
import { AREAS, LEFT_OUT } from "./areas.ts";

/** What is not passed, by file, each by its name; how many tests the file has. */
export interface FileResult {
  total: number;
  failed: string[];
}
export type Measured = Record<string, Record<string, FileResult>>;

const harness = readFileSync(join(import.meta.dirname, "harness.js"), "utf8");
const LATE_MS = 20_000;

/** Runs the tests of a checkout of web-platform-tests, each file in an isolate of its own. */
export async function measure(folder: string, only = ""): Promise<Measured> {
  const measured: Measured = {};
  for (const [area, places] of Object.entries(AREAS)) {
    const files = (await Promise.all(places.map((place) => filesIn(folder, place)))).flat().filter((path) => !LEFT_OUT.test(path));
    const results: Record<string, FileResult> = {};
    for (const path of files.sort()) if (path.includes(only)) results[path] = await run(folder, path);
    measured[area] = results;
  }
  return measured;
}

async function filesIn(folder: string, place: string): Promise<string[]> {
  if ((await stat(join(folder, place))).isFile()) return [place];
  const names = await readdir(join(folder, place), { recursive: true });
  return names.filter((name) => name.endsWith(".any.js")).map((name) => posix.join(place, name));
}

async function run(folder: string, path: string): Promise<FileResult> {
  const text = await readFile(join(folder, path), "utf8");
  const at = (name: string): string => (name.startsWith("/") ? name.slice(1) : posix.join(posix.dirname(path), name));
  const scripts = [...text.matchAll(/^\/\/ META: script=(\S+)/gm)]
    .map(([, name]) => at(name!))
    .filter((name) => !/idlharness|WebIDLParser|subset-tests/.test(name));
  const sources = [...(await Promise.all(scripts.map((name) => readFile(join(folder, name), "utf8")))), text];
  const named = sources.flatMap((source) => [...source.matchAll(/["']([\w./-]+\.json)["']/g)].map(([, name]) => name!));
  const files = Object.fromEntries(
    await Promise.all(named.map(async (name) => [name, await readFile(join(folder, at(name)), "utf8").catch(() => null)])),
  );
  const guest = await TestGuest.start();
  try {
    const code = `globalThis.__files = args[0]; (0, eval)(args[1]); (0, eval)(args[2]); return globalThis.__results();`;
    const all = (await Promise.race([guest.run(code, files, harness, sources.join("\n;\n")), tooLate()])) as [string, string, string][];
    if (process.env.PLINTH_WPT_SAY !== undefined)
      for (const [name, status, why] of all) if (status !== "pass") console.log(path, "|", name, "|", status, why);
    const failed = all.filter(([, status]) => status !== "pass").map(([name]) => name);
    return { total: all.length, failed };
  } catch (thrown) {
    if (process.env.PLINTH_WPT_SAY !== undefined) console.log(path, "| BROKE", (thrown as Error).message);
    return { total: 1, failed: [`the whole file: ${(thrown as Error).message}`] };
  } finally {
    guest.stop();
  }
}

/** A test that loops ends with its isolate, and nobody answers. */
const tooLate = (): Promise<never> => new Promise((_, reject) => setTimeout(() => reject(new Error("it did not end")), LATE_MS).unref());
