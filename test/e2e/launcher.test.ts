import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { cleanEnv, cleanUp, newHome, type Outcome, plinth, root, say, scriptedModel, sse } from "./lab.ts";

afterEach(cleanUp);

const launcher = join(root, "kernel/bin/plinth.cjs");
const ESC = "\u001b[";

describe("the launcher answers from data", () => {
  it("--version with the product's version, --help and `plugins --help` with the commands, and makes no home for it", async () => {
    const home = join(await newHome(), "none");
    const { version } = JSON.parse(await readFile(join(root, "package.json"), "utf8"));
    expect(await plinth(home, ["--version"])).toEqual({ code: 0, stdout: `${version}\n`, stderr: "" });
    expect(await plinth(home, ["-V"])).toMatchObject({ code: 0, stdout: `${version}\n` });
    for (const args of [
      ["--version", "--json"],
      ["--json", "-V"],
    ])
      expect(JSON.parse((await plinth(home, args)).stdout)).toEqual({ version });
    expect(JSON.parse((await plinth(home, ["--json", "config", "set", "--help"])).stdout)).toMatchObject({
      command: "config set",
      usage: expect.stringContaining("plinth config set PATH"),
      commands: [],
    });
    const { commands } = JSON.parse((await plinth(home, ["config", "--help", "--json"])).stdout);
    expect(commands.map(({ command }: { command: string }) => command)).toContain("config undo");
    const help = await plinth(home, ["--help"]);
    expect(help).toMatchObject({ code: 0, stderr: "" });
    for (const words of ["Start here", "agent", "gateway run", "plugins install", "status", "create", "Groups", "--json"])
      expect(help.stdout).toContain(words);
    expect((await plinth(home, [])).stdout).toBe(help.stdout);
    const plugins = await plinth(home, ["plugins", "--help"]);
    expect(plugins).toMatchObject({ code: 0, stderr: "" });
    expect(plugins.stdout).toContain("plugins uninstall");
    expect(plugins.stdout).not.toContain("gateway run");
    expect((await plinth(home, ["help", "plugins"])).stdout).toBe(plugins.stdout);
    expect(existsSync(home)).toBe(false);
  });

  it("completions for shells, with installed ids, and makes no home for it", async () => {
    const home = join(await newHome(), "none");
    expect(await plinth(home, ["--complete", "--", "plugins", "un"])).toEqual({ code: 0, stdout: "uninstall\nunpin\n", stderr: "" });
    expect(existsSync(home)).toBe(false);
    const script = await plinth(await newHome(), ["completion", "bash"]);
    expect(script).toMatchObject({ code: 0, stdout: expect.stringContaining("complete -o default -F _plinth plinth") });
    expect(await plinth(await newHome(), ["completion", "tcsh"])).toMatchObject({ code: 1, stderr: expect.stringContaining("bash, zsh, fish") });
  });

  it("an unknown command with the one that was probably meant, and ends with 2", async () => {
    const home = await newHome();
    expect(await plinth(home, ["statsu"])).toMatchObject({ code: 2, stdout: "", stderr: expect.stringContaining("did you mean `plinth status`?") });
    expect(await plinth(home, ["plugins", "instal", "x"])).toMatchObject({ code: 2, stderr: expect.stringContaining("`plinth plugins install`") });
    const json = await plinth(home, ["statsu", "--json"]);
    expect(JSON.parse(json.stdout).error).toMatchObject({ code: "PLINTH_USAGE", next: expect.stringContaining("plinth status") });
  });

  it.each(["status", "statsu", "--help"])("`%s` in colour only when asked to, and never against NO_COLOR", async (command) => {
    const home = await newHome();
    const text = async (env: Record<string, string>): Promise<string> => {
      const { stdout, stderr } = await run(process.execPath, home, [command], env);
      return stdout + stderr;
    };
    expect(await text({})).not.toContain(ESC);
    expect(await text({ FORCE_COLOR: "1" })).toContain(ESC);
    expect(await text({ FORCE_COLOR: "0" })).not.toContain(ESC);
    expect(await text({ FORCE_COLOR: "1", NO_COLOR: "1" })).not.toContain(ESC);
  });
});

describe("with --json", () => {
  it.each<[string, string]>([
    ["status", "extensions"],
    ["plugins list", "extensions"],
    ["hooks", "hooks"],
    ["explain plinth.turns", "reasons"],
    ["boot --report", "steps"],
    ["config get", "value"],
  ])("`%s` gives one JSON document and nothing else", async (line, field) => {
    const { code, stdout, stderr } = await plinth(await newHome(), [...line.split(" "), "--json"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(JSON.parse(stdout)).toHaveProperty(field);
    expect(stdout.trimEnd()).not.toContain("\n");
  });

  it("a failure is one JSON document too, with its code and the next step", async () => {
    const { code, stdout, stderr } = await plinth(await newHome(), ["explain", "acme.nothing", "--json"]);
    expect(code).toBe(1);
    expect(JSON.parse(stdout).error).toMatchObject({ code: "PLINTH_NOT_INSTALLED", next: expect.any(String) });
    expect(stderr).toContain("PLINTH_NOT_INSTALLED");
  });
});

describe("started by an older Node", () => {
  const older = olderNode();
  const why = "there is no Node older than 26 on PATH outside of node_modules";

  it("it runs itself again under the pinned one and hands on what that says and how it ends", async ({ skip }) => {
    if (older === undefined) return skip(why);
    const home = await newHome();
    const status = await run(older, home, ["status", "--json"]);
    expect(status.code, status.stderr).toBe(0);
    expect(JSON.parse(status.stdout).node).toMatch(/^v26\./);
    expect((await run(older, home, ["explain", "acme.nothing"])).code).toBe(1);
    expect((await run(older, home, ["statsu"])).code).toBe(2);
  });

  it("it answers --version and --help by itself", async ({ skip }) => {
    if (older === undefined) return skip(why);
    const home = await newHome();
    for (const flag of ["--version", "--help"]) expect(await run(older, home, [flag])).toEqual(await run(process.execPath, home, [flag]));
  });

  it("it hands on a signal, and waits until the other one has ended", async ({ skip }) => {
    if (older === undefined) return skip(why);
    await expectInterrupted(older);
  });
});

it("without a build it says PLINTH_NOT_BUILT and how to make one, whatever is asked", async () => {
  const home = await newHome();
  const dist = join(home, "empty");
  await mkdir(dist);
  for (const args of [["status"], ["--help"], ["--version"], []]) {
    const outcome = await plinth(home, args, { PLINTH_DIST: dist });
    expect(outcome).toMatchObject({ code: 1, stdout: "", stderr: expect.stringMatching(/PLINTH_NOT_BUILT[\s\S]*npm run build/) });
  }
  const json = await plinth(home, ["status", "--json"], { PLINTH_DIST: dist });
  expect(JSON.parse(json.stdout).error).toMatchObject({ code: "PLINTH_NOT_BUILT", next: expect.stringContaining("npm run build") });
});

it("two `plinth agent` at once on one new home without a gateway both get their answer", async () => {
  for (let round = 0; round < 3; round++) {
    const home = await newHome();
    const both = await Promise.all(["one", "two"].map((name) => plinth(home, ["agent", "-m", `hello ${name}`, "--session", name, "--json"])));
    for (const { code, stdout, stderr } of both) {
      expect(code, stderr).toBe(0);
      expect(JSON.parse(stdout).text).toMatch(/./);
    }
    const { sessions } = JSON.parse((await plinth(home, ["sessions", "list", "--json"])).stdout);
    expect(sessions.map((one: { key: string }) => one.key).sort()).toEqual(["one", "two"]);
  }
}, 60_000);

it(
  "SIGTERM ends `plinth agent` whose model hangs, and the next run tells what became of the turn",
  () => expectInterrupted(process.execPath),
  60_000,
);

/** Stop a turn in the middle of its answer; then look at the transcript and go on. */
async function expectInterrupted(node: string): Promise<void> {
  const home = await newHome();
  const { env } = await scriptedModel((body, _request, response) => {
    if (body.messages.at(-1).content.includes("finish")) return say(response, "finished");
    sse.head(response).write(sse.chunk({ content: "half an ans" }));
  });
  const { child, outcome } = start(node, home, ["agent", "-m", "hello"], env);
  await Promise.race([once(child.stdout!, "data"), outcome]);
  child.kill("SIGTERM");
  const { code, stdout, stderr } = await outcome;
  expect(stdout).toContain("half an ans");
  expect(code, stderr).not.toBe(0);
  const { entries } = JSON.parse((await plinth(home, ["sessions", "show", "main", "--json"])).stdout);
  expect(entries.map((one: any) => one.body.kind === "message" && one.body.message.role)).toContain("user");
  expect(entries.at(-1).body).toMatchObject({ kind: "run-end", status: expect.stringMatching(/^(interrupted|aborted)$/) });
  expect((await plinth(home, ["agent", "-m", "please finish"], env)).stdout).toContain("finished");
}

function olderNode(): string | undefined {
  const dirs = [...(process.env.PATH ?? "").split(delimiter), "/usr/local/bin", "/usr/bin"].filter(
    (dir) => dir !== "" && !dir.includes("node_modules"),
  );
  return dirs
    .map((dir) => join(dir, "node"))
    .find((path) => {
      if (!existsSync(path)) return false;
      const version = execFileSync(path, ["--version"], { encoding: "utf8" });
      return Number(/^v(\d+)/.exec(version)?.[1]) < 26;
    });
}

/** As `plinth` of the lab, under any Node and with no word about colours but the test's. */
function start(node: string, home: string, args: string[], env: Record<string, string> = {}): { child: ChildProcess; outcome: Promise<Outcome> } {
  const { FORCE_COLOR: _force, NO_COLOR: _no, ...rest } = cleanEnv({ PLINTH_HOME: home });
  const child = spawn(node, [launcher, ...args], { cwd: root, env: { ...rest, ...env }, stdio: ["ignore", "pipe", "pipe"], timeout: 60_000 });
  const text = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name].on("data", (chunk) => {
      text[name] += chunk;
    });
  }
  return { child, outcome: once(child, "close").then(([code]) => ({ code: code ?? 128, ...text })) };
}

const run = (node: string, home: string, args: string[], env?: Record<string, string>): Promise<Outcome> => start(node, home, args, env).outcome;
