import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { appendFile, mkdir, readdir, readFile, realpath, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { cleanEnv, cleanUp, newHome, onCleanUp, plinth, root } from "./lab.ts";

let home: string;
let dir: string;
let scratch: string;
beforeEach(async () => {
  home = await realpath(await newHome());
  scratch = join(home, "scratch");
  await mkdir(scratch);
  dir = join(home, "weather");
  const made = await run("create", "acme.weather", "--dir", "weather");
  expect(made.code, made.stderr).toBe(0);
});
afterEach(cleanUp);

/** All that it makes in passing lies in `scratch`, so that what it leaves can be seen. */
const env = () => ({ HOME: home, TMPDIR: scratch });
const run = (...args: string[]) => plinth(join(home, ".plinth"), args, env(), home);

async function edit(name: string, from: string, to: string): Promise<void> {
  const file = join(dir, name);
  const text = await readFile(file, "utf8");
  expect(text).toContain(from);
  await writeFile(file, text.replace(from, to));
}

/** `plinth dev --json`, its events as they come. */
function dev(...args: string[]): { child: ChildProcess; next(event: string): Promise<any>; type(line: string): void; ended: Promise<number | null> } {
  const child = spawn(process.execPath, [join(root, "kernel/bin/plinth.cjs"), "dev", dir, "--json", ...args], {
    env: cleanEnv({ PLINTH_HOME: join(home, ".plinth"), ...env() }),
    stdio: ["pipe", "pipe", "pipe"],
  });
  let stderr = "";
  child.stderr!.on("data", (chunk) => {
    stderr += chunk;
  });
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  const ended = once(child, "exit").then(([code]) => code as number | null);
  onCleanUp(() => child.kill("SIGKILL"));
  return {
    child,
    ended,
    async next(event) {
      for (let line = await lines.next(); !line.done; line = await lines.next()) {
        const found = JSON.parse(line.value);
        if (found.event === event) return found;
      }
      return expect.fail(`it ended without ${event}: ${stderr}`);
    },
    type: (line) => void child.stdin!.write(`${line}\n`),
  };
}

describe("plinth dev", () => {
  it("runs an extension live, loads it again when it changes, shows calls, logs and failures, and leaves nothing behind", async () => {
    await edit("src/index.ts", "if (typeof args", 'ctx.log.info("asked", { name: args["name"] });\n        if (typeof args');
    const live = dev();
    expect(await live.next("loaded")).toMatchObject({ id: "acme.weather", tier: "isolate", first: true });
    live.type('weather {"name":"Ada"}');
    expect(await live.next("call")).toMatchObject({ what: "weather.call", input: { args: { name: "Ada" } } });
    expect(await live.next("log")).toMatchObject({ level: "info", message: "asked", fields: { name: "Ada" } });
    expect(await live.next("answer")).toMatchObject({ result: { content: [{ text: "Hello, Ada!" }] }, ms: expect.any(Number) });

    await edit("src/greet.ts", "!`", " again!`");
    expect(await live.next("loaded")).toMatchObject({ first: false, totalMs: expect.any(Number) });
    live.type('weather {"name":"Ada"}');
    expect(await live.next("answer")).toMatchObject({ result: { content: [{ text: "Hello, Ada again!" }] } });

    // What cannot be built leaves the last good one running.
    await appendFile(join(dir, "src/greet.ts"), "export const = 1;\n");
    expect(await live.next("failed")).toMatchObject({ what: "load", error: { code: "PLINTH_PACK_BUNDLE" } });
    live.type("say greet Bob");
    expect(await live.next("answer")).toMatchObject({ what: "turn" });
    live.type("nothing {}");
    expect(await live.next("failed")).toMatchObject({ error: { code: "PLINTH_CAPABILITY_MISSING" } });

    expect(await readdir(scratch)).not.toEqual([]);
    live.child.kill("SIGINT");
    expect(await live.ended).toBe(0);
    expect(await readdir(scratch)).toEqual([]);
  }, 30_000);

  it("calls once and leaves, with a status that says how it went", async () => {
    const good = await run("dev", dir, "--call", "weather", "--input", '{"name":"Ada"}');
    expect(good).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/loaded acme\.weather .* ms \(build .*\n→ weather\.call .*\n✓ weather in .* ms Hello, Ada!\n/),
    });
    const bad = await run("dev", dir, "--call", "weather", "--input", "{oops");
    expect(bad).toMatchObject({ code: 1, stdout: expect.stringContaining("PLINTH_JSON") });
    expect(await readdir(scratch)).toEqual([]);
  }, 30_000);

  it("knows the contracts of others that the project keeps, calls what it provides of them, and says what to do about a mistake", async () => {
    expect((await run("create", "acme.voices", "--kind", "contract")).code).toBe(0);
    await edit("plinth.json", '"entry"', '"uses": [{ "contract": "acme.voices.voice", "range": "^1" }],\n  "entry"');
    const unknown = await run("dev", dir, "--call", "weather");
    expect(unknown.stdout).toMatch(/PLINTH_CONTRACT_UNKNOWN[\s\S]*next: Leave, run `plinth contract add acme\.voices`/);
    expect((await run("contract", "add", "voices", "--to", dir)).code).toBe(0);
    const manifest = JSON.parse(await readFile(join(dir, "plinth.json"), "utf8"));
    const provides = [{ contract: "acme.voices.voice", version: "1.0.0", id: "loud", descriptor: { title: "Loud" } }];
    await writeFile(join(dir, "plinth.json"), JSON.stringify({ ...manifest, uses: [], provides }));
    const source = (spoken: string) => `import { defineExtension } from "@plinth/sdk";
export default defineExtension({ activate(ctx) { ctx.provide("acme.voices.voice" as never, "loud", { speak: ({ text }: any) => (${spoken}) } as never); } });`;
    await writeFile(join(dir, "src/index.ts"), source("{ spoken: text.toUpperCase() }"));
    const live = dev();
    await live.next("loaded");
    live.type('loud {"text":"hi"}');
    expect(await live.next("answer")).toMatchObject({ result: { spoken: "HI" } });
    live.type('loud.shout {"text":"hi"}');
    expect(await live.next("failed")).toMatchObject({ error: { code: "PLINTH_METHOD_UNKNOWN", next: "Write loud.speak." } });
    live.type('loud {"txt":"hi"}');
    expect(await live.next("failed")).toMatchObject({ error: { code: "PLINTH_PAYLOAD", next: "Correct the JSON that it is called with." } });
    await writeFile(join(dir, "src/index.ts"), source("{ said: text }"));
    await live.next("loaded");
    live.type('loud {"text":"hi"}');
    expect(await live.next("failed")).toMatchObject({ error: { code: "PLINTH_PAYLOAD", next: expect.stringContaining("Correct the code") } });
    live.child.kill("SIGINT");
    expect(await live.ended).toBe(0);
    expect(await readdir(scratch)).toEqual([]);
  }, 60_000);

  it("ends its host when it is killed itself", async () => {
    const live = dev();
    await live.next("loaded");
    const [host] = await children(live.child.pid!);
    expect(host).toBeGreaterThan(1);
    live.child.kill("SIGKILL");
    await live.ended;
    for (let tries = 0; tries < 100 && alive(host!); tries++) await new Promise((resolve) => setTimeout(resolve, 50));
    expect(alive(host!)).toBe(false);
  }, 30_000);
});

describe("plinth check", () => {
  it("finds a new extension ready, in each tier that it declares", async () => {
    const checked = await run("check", dir, "--json");
    const { ok, rows } = JSON.parse(checked.stdout);
    expect(rows.filter((row: any) => row.status === "failed")).toEqual([]);
    expect([checked.code, ok]).toEqual([0, true]);
    expect(rows.map(({ check, of, status }: any) => [check, of ?? "", status])).toEqual([
      ["manifest", "", "ok"],
      ["types", "", "ok"],
      ["compiles", "", "ok"],
      ["tests", "", "ok"],
      ["package", "", "ok"],
      ["permissions", "", "ok"],
      ["models", "", "ok"],
      ["size", "", "ok"],
      ["tier", "isolate", "ok"],
      ["tier", "process", "ok"],
    ]);
    expect(await readdir(scratch)).toEqual([]);
  }, 30_000);

  it.each(["model-provider", "channel", "chat-command", "hook", "harness", "session-store", "plugin-source", "data", "contract"])(
    "finds a new %s ready, its types included",
    async (kind) => {
      const made = await run("create", "acme.thing", "--kind", kind);
      expect(made.code, made.stderr).toBe(0);
      const { code, stdout } = await run("check", "thing", "--strict", "--json");
      const { rows } = JSON.parse(stdout);
      const hasCode = kind !== "data" && kind !== "contract";
      expect(rows.filter(({ status }: any) => status !== "ok").map(({ check, detail }: any) => [check, detail])).toEqual(
        hasCode ? [] : ["types", "compiles", "tier"].map((check) => [check, expect.any(String)]),
      );
      expect(rows.some(({ check, status }: any) => check === "tier" && status === "ok")).toBe(hasCode);
      expect(code).toBe(0);
      expect((await run("pack", "thing")).code).toBe(0);
    },
    90_000,
  );

  it("says in one table what is wrong, each with the next step, and fails", async () => {
    await edit("src/index.ts", "activate(ctx) {", 'activate(ctx) {\n    void (() => ctx.fetch("https://example.com"));');
    await edit("plinth.json", '"tiers":', '"permissions": { "exec": ["git"] },\n  "tiers":');
    await edit("test/tool.test.ts", "Hello, Ada!", "Goodbye, Ada!");
    await edit("src/greet.ts", "export function", 'if (globalThis.process !== undefined) throw new Error("not here");\nexport function');
    const { code, stdout } = await run("check", dir, "--budget", "1");
    expect(code).toBe(1);
    expect(stdout).toMatch(
      /^FAILED +tests .*\n[\s\S]*^FAILED +permissions +1 use of powers that are not declared\.\n +src\/index\.ts:7 uses net, which plinth\.json does not declare\.\n +exec: git is declared, and the source shows no use of it\./m,
    );
    expect(stdout).toMatch(/^FAILED +size .*too large/m);
    expect(stdout).toMatch(/^ok +tier isolate/m);
    expect(stdout).toMatch(/^FAILED +tier process/m);
    expect(stdout).toMatch(/\d failed.*\n$/);
  }, 30_000);

  it("names a mistake in the manifest, and runs nothing", async () => {
    await edit("plinth.json", '"provides"', '"provide"');
    expect(await run("check", dir)).toMatchObject({ code: 1, stdout: expect.stringMatching(/^FAILED +manifest .*provide/) });
  });
});

const alive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

/** Processes whose parent it is. */
async function children(parent: number): Promise<number[]> {
  const found: number[] = [];
  for (const name of await readdir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const stat = await readFile(`/proc/${name}/stat`, "utf8").catch(() => "");
    if (Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]) === parent) found.push(Number(name));
  }
  return found;
}
