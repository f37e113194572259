import { spawn } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { packFiles, publishRemotely } from "@plinth/registry";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestRegistry, stopTestRegistries } from "../../../registry/server/server.testing.ts";
import { cleanEnv, root, sleep } from "../lab.ts";
import { type HomeState, homeState, staged } from "./home-state.ts";

/** How many of the operations of each command it is killed at, spread over all of them; `PLINTH_KILL=all` takes every one. */
const AT_MOST = process.env.PLINTH_KILL === "all" ? Number.POSITIVE_INFINITY : 4;
const AT_ONCE = 2;
const CODE = "export default { plinth: 1, start: async () => ({ stop() {} }) };\n";
const launcher = join(root, "kernel/bin/plinth.cjs");
const ID = "acme.note";

let folder: string;
let registry: string;

interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  text: string;
}

/** Run `plinth` in a process group of its own; `killAt` 0 only counts. */
function run(home: string, args: readonly string[], kill?: { at: number; count: string }): Promise<Ended> {
  const preload = `--import=${pathToFileURL(join(import.meta.dirname, "kill-at.mjs")).href}`;
  const killing: Record<string, string> = kill === undefined ? {} : { NODE_OPTIONS: preload, KILL_AT: String(kill.at), KILL_COUNT: kill.count };
  const env = cleanEnv({ PLINTH_HOME: home, PLINTH_REGISTRY: registry, ...killing });
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [launcher, ...args], { env, cwd: folder, stdio: ["ignore", "pipe", "pipe"], detached: true });
    let text = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (text += chunk));
    const timer = setTimeout(() => child.kill("SIGKILL"), 90_000);
    child.once("exit", (code, signal) => {
      clearTimeout(timer);
      // What it started may hold its pipes for a moment longer.
      resolve({ code, signal, text });
    });
  });
}

/** Processes that name this home in their command or their environment. */
async function processesOf(home: string): Promise<string[]> {
  const found: string[] = [];
  for (const pid of (await readdir("/proc")).filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)) {
    const read = (name: string): Promise<string> => readFile(`/proc/${pid}/${name}`, "utf8").catch(() => "");
    const command = await read("cmdline");
    if (command.includes(home) || (await read("environ")).includes(home)) found.push(command.replaceAll("\0", " "));
  }
  return found;
}

async function ok(home: string, ...args: string[]): Promise<string> {
  const { code, text } = await run(home, args);
  expect(code, `plinth ${args.join(" ")}: ${text}`).toBe(0);
  return text;
}

/** Two starts, the second one of a kind that settles nothing by itself: what they leave is what stays. */
async function startTwice(home: string): Promise<void> {
  await ok(home, "plugins", "list", "--json");
  await ok(home, "status", "--json");
}

const homes = new Map<string, Promise<string>>();

/** A home in which these commands were run, made once. */
function homeWith(...commands: string[][]): Promise<string> {
  const key = JSON.stringify(commands);
  let home = homes.get(key);
  if (home === undefined) {
    home = (async () => {
      const last = commands.at(-1);
      const made = await mkdtemp(join(folder, "home-"));
      if (last === undefined) await ok(made, "plugins", "list");
      else {
        await cp(await homeWith(...commands.slice(0, -1)), made, { recursive: true });
        await ok(made, ...last);
      }
      return made;
    })();
    homes.set(key, home);
  }
  return home;
}

const INSTALL = ["plugins", "install", `${ID}@1.0.0`, "--yes"];
const UPDATE = ["plugins", "update", ID, "--yes"];
const SET = ["config", "set", "log.level", "error"];

const COMMANDS: { name: string; before: string[][]; args: string[] | ((home: string) => Promise<string[]>) }[] = [
  { name: "install", before: [], args: INSTALL },
  { name: "install from a folder", before: [], args: ["plugins", "install", "./drawer", "--yes"] },
  { name: "update", before: [INSTALL], args: UPDATE },
  { name: "rollback", before: [INSTALL, UPDATE], args: ["plugins", "rollback", ID, "--yes"] },
  { name: "uninstall", before: [INSTALL, UPDATE], args: ["plugins", "uninstall", ID, "--yes"] },
  { name: "pin", before: [INSTALL], args: ["plugins", "pin", ID] },
  { name: "grants limit", before: [INSTALL], args: ["grants", "limit", ID, "--expires", "7d"] },
  { name: "grants revoke", before: [INSTALL], args: ["grants", "revoke", ID] },
  { name: "config set", before: [SET], args: ["config", "set", "log.level", "info"] },
  { name: "marketplace add", before: [], args: ["marketplace", "add", "mine", join(root, "dist/registry")] },
  { name: "consent", before: [], args: ask },
];

/** What has to be confirmed is asked for in the home itself: its code is known to it alone. */
async function ask(home: string): Promise<string[]> {
  const { text } = await run(home, ["plugins", "install", `${ID}@1.0.0`]);
  const code = /confirm ([2-9A-Z]{8})/.exec(text)?.[1];
  expect(code, text).toBeDefined();
  return ["plugins", "confirm", String(code)];
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "plinth-kill-"));
  const market = await startTestRegistry();
  registry = market.url;
  const key = await market.publisher("acme", "ann");
  const remote = market.remote(await market.token("ann"));
  for (const version of ["1.0.0", "1.1.0"]) {
    const manifest = {
      id: ID,
      version,
      title: "Note",
      description: "For a test.",
      license: "MIT",
      engines: { plinth: "^0.1.0" },
      entry: "./index.js",
    };
    const files: [string, string][] = [
      ["plinth.json", JSON.stringify(manifest)],
      ["index.js", `${CODE}// ${version}\n`],
    ];
    await publishRemotely(remote, await packFiles(files), key);
  }
  const drawer = {
    id: "acme.drawer",
    version: "1.0.0",
    title: "Drawer",
    description: "For a test.",
    license: "MIT",
    engines: { plinth: "^0.1.0" },
    entry: "./index.js",
  };
  await mkdir(join(folder, "drawer/src"), { recursive: true });
  await writeFile(join(folder, "drawer/plinth.json"), JSON.stringify(drawer));
  await writeFile(
    join(folder, "drawer/src/index.ts"),
    'import { defineExtension } from "@plinth/sdk";\nexport default defineExtension({ activate() {} });\n',
  );
}, 120_000);

afterAll(async () => {
  await stopTestRegistries();
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
});

async function copyOf(home: string): Promise<string> {
  const copy = await mkdtemp(join(folder, "copy-"));
  await cp(home, copy, { recursive: true });
  return copy;
}

describe.each(COMMANDS)("$name, killed at any of its changes to the home", ({ before, args }) => {
  it("is done or was never begun, after the next start; after two nothing is left over, and no process", { timeout: 900_000 }, async () => {
    const base = await homeWith(...before);
    const words = async (home: string): Promise<string[]> => (typeof args === "function" ? await args(home) : args);
    const whole = await copyOf(base);
    const count = join(folder, `count-${Math.random()}`);
    const ended = await run(whole, await words(whole), { at: 0, count });
    expect(ended.code, ended.text).toBe(0);
    const operations = Number(await readFile(count, "utf8"));
    expect(operations).toBeGreaterThan(2);
    await startTwice(whole);
    const after = await homeState(whole);
    const untouched = await copyOf(base);
    await startTwice(untouched);
    const none = await homeState(untouched);
    expect(after).not.toEqual(none);

    const step = Math.max(1, operations / AT_MOST);
    const points: number[] = [];
    for (let at = 1; at <= operations; at += step) points.push(Math.round(at));
    const seen: { at: number; was: string; state: HomeState }[] = [];
    const killAt = async (at: number): Promise<void> => {
      const home = await copyOf(base);
      const killed = await run(home, await words(home), { at, count });
      if (killed.signal !== "SIGKILL") expect(killed.code, killed.text).toBe(0);
      await startTwice(home);
      for (let look = 0; look < 50 && (await processesOf(home)).length > 0; look++) await sleep(100);
      expect(await processesOf(home), `a process after a kill at ${at}`).toEqual([]);
      expect((await staged(home)).left, `staged after a kill at ${at}`).toEqual([]);
      const state = await homeState(home);
      const was = JSON.stringify(state) === JSON.stringify(none) ? "none" : JSON.stringify(state) === JSON.stringify(after) ? "all" : "between";
      seen.push({ at, was, state });
      await rm(home, { recursive: true, force: true });
    };
    const queue = [...points];
    await Promise.all(
      Array.from({ length: AT_ONCE }, async () => {
        for (let at = queue.shift(); at !== undefined; at = queue.shift()) await killAt(at);
      }),
    );
    const between = seen.find(({ was }) => was === "between");
    if (between !== undefined)
      expect(between.state, `killed at ${between.at} of ${operations}`).toEqual(between.state.records.length === none.records.length ? none : after);
    expect(new Set(seen.map(({ was }) => was))).not.toContain("between");
  });
});
