import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { cleanUp, newHome, plinth, startGateway } from "./lab.ts";

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
