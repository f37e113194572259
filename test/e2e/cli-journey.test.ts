import { spawn } from "node:child_process";
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { cleanEnv, cleanUp, newHome, onCleanUp, plinth, root, say, scriptedModel, startGateway } from "./lab.ts";

afterEach(cleanUp);

it("a new user on the command line talks, installs a tool and uses it in the next message, in one running gateway", async () => {
  const home = await newHome();
  const gateway = await startGateway(home);
  const read = await plinth(home, ["agent", "-m", "read README.md", "--json"]);
  expect(read.code, read.stderr).toBe(0);
  const answer = JSON.parse(read.stdout);
  expect(answer).toMatchObject({
    sessionKey: "main",
    toolCalls: [{ name: "read", args: { path: "README.md" }, isError: false }],
    model: "offline/offline",
  });
  expect(answer.text).toContain("# Workspace");
  expect(answer.runId).toMatch(/./);
  expect(answer.usage.inputTokens).toBeGreaterThan(0);

  const found = await plinth(home, ["plugins", "search", "dice", "--json"]);
  expect(found.stdout).toContain("demo.dice");
  const asked = await plinth(home, ["agent", "-m", "/plugins install demo.dice"]);
  const code = /\/plugins confirm ([A-Z0-9]+)/.exec(asked.stdout)?.[1] as string;
  expect(code, asked.stdout).toBeDefined();
  const installed = await plinth(home, ["agent", "-m", `/plugins confirm ${code}`]);
  expect(installed.stdout).toContain("installed");
  const rolled = JSON.parse((await plinth(home, ["agent", "-m", "roll a dice", "--json"])).stdout);
  expect(rolled.toolCalls).toMatchObject([{ name: "dice", isError: false }]);

  const status = JSON.parse((await plinth(home, ["status", "--json"])).stdout);
  expect(status.pid ?? status.host?.pid).toBe(gateway.pid);
  const lock = JSON.parse(await readFile(join(home, "plinth.lock"), "utf8"));
  expect(lock.extensions["demo.dice"]).toMatchObject({
    version: "1.0.0",
    pinnedBy: "operator",
    integrity: expect.stringMatching(/^sha512-/),
    signature: { keyId: expect.any(String) },
  });
  const again = await plinth(home, ["agent", "-m", `/plugins confirm ${code}`]);
  expect(again.stdout).not.toContain("installed and ready");

  const removed = await plinth(home, ["plugins", "uninstall", "demo.dice", "--yes", "--json"]);
  expect(removed.code, removed.stderr).toBe(0);
  const gone = JSON.parse((await plinth(home, ["agent", "-m", "roll a dice", "--json"])).stdout);
  expect(gone.toolCalls).toEqual([]);
}, 60_000);

it("the same commands work without a gateway", async () => {
  const home = await newHome();
  const first = await plinth(home, ["plugins", "install", "demo.dice", "--yes", "--json"]);
  expect(first.code, first.stderr).toBe(0);
  const rolled = JSON.parse((await plinth(home, ["agent", "-m", "roll a dice", "--json"])).stdout);
  expect(rolled.toolCalls).toMatchObject([{ name: "dice", isError: false }]);
}, 60_000);

it("wrong usage ends with 2, a failure with 1, its code on standard error and as JSON", async () => {
  const home = await newHome();
  const usage = await plinth(home, ["plugins", "instal", "x"]);
  expect(usage.code).toBe(2);
  expect(usage.stderr).toContain("install");
  const failure = await plinth(home, ["plugins", "install", "demo.nothing", "--yes", "--json"]);
  expect(failure.code).toBe(1);
  expect(failure.stderr).toMatch(/PLINTH_[A-Z_]+/);
  expect(JSON.parse(failure.stdout).error).toMatchObject({
    code: expect.stringMatching(/^PLINTH_/),
    message: expect.any(String),
    next: expect.any(String),
  });
}, 60_000);

it("a typing error in the configuration is told with its path and a suggestion, and loses nothing", async () => {
  const home = await newHome();
  const { writeFile } = await import("node:fs/promises");
  const text = "{\n  // my settings\n  extensoins: {},\n}\n";
  await writeFile(join(home, "plinth.json"), text);
  const outcome = await plinth(home, ["status"]);
  expect(outcome.code).toBe(1);
  expect(outcome.stderr).toContain("PLINTH_CONFIG_INVALID");
  expect(outcome.stderr).toContain('did you mean "extensions"');
  const doctor = await plinth(home, ["doctor", "--json"]);
  expect(doctor.code).toBe(1);
  expect(JSON.parse(doctor.stdout)).toMatchObject({
    healthy: false,
    findings: [{ code: "PLINTH_CONFIG_INVALID", owner: "host", severity: "problem", next: expect.stringContaining("Correct the file") }],
  });
  expect(await readFile(join(home, "plinth.json"), "utf8")).toBe(text);
}, 60_000);

const launcher = join(root, "kernel/bin/plinth.cjs");

/** A server that wants a key, and what it was asked with. */
async function keyedServer() {
  const keys: (string | undefined)[] = [];
  const { env } = await scriptedModel((_body, request, response) => {
    keys.push(request.headers.authorization);
    if (request.headers.authorization === "Bearer sk-typed") return say(response, "hello");
    response.writeHead(401, { "content-type": "application/json" }).end('{"error":{"message":"bad key"}}');
  });
  return { url: env.OPENAI_BASE_URL as string, keys };
}

/** `plinth` with something on standard input. */
function fed(home: string, args: string[], input: string): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, [launcher, ...args], { env: cleanEnv({ PLINTH_HOME: home }) });
  const text = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) child[name].on("data", (chunk) => (text[name] += chunk));
  child.stdin.end(input);
  return new Promise((resolve) => child.once("close", (code) => resolve({ code, ...text })));
}

it("`plinth init` without a terminal: settings as words, the key on standard input, and in no configuration", async () => {
  const home = await newHome();
  const { url, keys } = await keyedServer();
  const setting = `vendors.custom.baseUrl=${url}`;
  const refused = await plinth(home, ["init", "--provider", "custom", setting]);
  expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining("PLINTH_MODEL_AUTH") });
  const done = await fed(home, ["init", "--provider", "custom", "--secret", "CUSTOM_API_KEY", "--talk", "terminal", "--json"], "sk-typed\n");
  expect(done.code, done.stderr).toBe(0);
  expect(JSON.parse(done.stdout)).toMatchObject({ ready: true, model: "custom/auto", trial: { model: "scripted", text: "hello" }, missing: [] });
  expect(keys).toEqual([undefined, "Bearer sk-typed"]);
  const file = join(home, "secrets.json");
  expect(JSON.parse(await readFile(file, "utf8"))).toEqual({ CUSTOM_API_KEY: "sk-typed" });
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect(await readFile(join(home, "plinth.json"), "utf8")).not.toContain("sk-typed");
  expect((await plinth(home, ["agent", "-m", "hi"])).stdout).toBe("hello\n");
}, 60_000);

/** At a terminal of its own, 80 columns wide: each answer is typed once its question is there. */
async function atTerminal(home: string, args: string[], answers: [question: RegExp, typed: string][]): Promise<{ code: number; text: string }> {
  const words = [process.execPath, launcher, ...args].map((word) => `'${word}'`).join(" ");
  const child = spawn("script", ["-qec", `stty cols 80; ${words}`, "/dev/null"], {
    env: cleanEnv({ PLINTH_HOME: home, TERM: "dumb", NO_COLOR: "1" }),
  });
  onCleanUp(() => child.kill("SIGKILL"));
  let text = "";
  child.stdout.on("data", (chunk) => {
    text += String(chunk);
    if (answers[0]?.[0].test(text)) child.stdin.write(answers.shift()?.[1] as string);
  });
  const code = await new Promise<number>((resolve) => child.once("close", (status) => resolve(status ?? -1)));
  expect(answers, text).toEqual([]);
  return { code, text };
}

it("`plinth plugins install` at a terminal shows what is asked for and asks; Ctrl+D is no", async () => {
  const home = await newHome();
  const install = (typed: string) => atTerminal(home, ["plugins", "install", "demo.dice"], [[/with these permissions\? \[y\/N\] /, typed]]);
  const { code, text } = await install("\u0004");
  expect(code, text).toBe(1);
  expect(text).toMatch(/It may[\s\S]*provide tool dice[\s\S]*with these permissions\?/);
  expect(text).not.toContain("installed and ready");
  expect(await install("y\n")).toMatchObject({ code: 0, text: expect.stringContaining("is installed and ready") });
}, 60_000);

it("`plinth init` at a terminal asks for what is needed, shows no key, and says how to go on", async () => {
  const home = await newHome();
  const { url } = await keyedServer();
  await fed(home, ["init", "--provider", "custom", "--untested", "--secret", "CUSTOM_API_KEY"], "sk-typed");
  const { code, text } = await atTerminal(
    home,
    ["init"],
    [
      [/Number or name[^\n]*: /, "none of these\n"],
      [/none of these[\s\S]*Number or name[^\n]*: /, "1\n"],
      [/vendors\.custom\.baseUrl: /, `${url}\n`],
      [/Model; Enter for scripted: /, "\n"],
      [/Name, or several[^\n]*: /, "terminal\n"],
    ],
  );
  expect(code, text).toBe(0);
  expect(text).toContain("custom/scripted answered in");
  expect(text).toContain('plinth agent -m "Hello"');
  expect(text).not.toContain("sk-typed");
}, 60_000);
