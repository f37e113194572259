import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Finding } from "@plinth/sdk";
import { GATEWAY_STATE, homeIdentity } from "@plinth/sdk/home";
import {
  checkConformance,
  createTestHost,
  describeConformance,
  type ScriptedModel,
  type ScriptedProvider,
  scriptedModels,
} from "@plinth/sdk/testing";
import { afterEach, describe, expect, it } from "vitest";
import { machineCheck } from "./checks/machine.ts";
import extension from "./index.ts";
import manifest from "./plinth.json" with { type: "json" };
import { reportText } from "./report.ts";

const owner = { role: "owner", via: "test" } as const;
const terminal = { cwd: "/", json: false, tty: false, columns: 80, color: false, local: true };
const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const host of open.splice(0)) await host.close();
});

const finding = (more: Partial<Finding> = {}): Finding => ({
  ...{ code: "PLINTH_X", severity: "problem", owner: "acme.x", what: "is unwell", why: "It says so.", next: "plinth plugins inspect acme.x" },
  ...more,
});

const check = (id: string, findings: () => Finding[], more: object = {}): ScriptedProvider => ({
  contract: "plinth.check",
  id,
  descriptor: { title: `the ${id}`, ...(id === "far" ? { online: true } : {}) },
  provider: { examine: () => ({ findings: findings() }), ...more } as never,
});

async function house(...provide: ScriptedProvider[]) {
  const ready = scriptedModels([{ id: "m", status: () => ({ ready: true }) }]);
  const host = await createTestHost({ extensions: [{ manifest, extension }], provide: [ready, ...provide] });
  open.push(host);
  const run = async (args: object = {}, options: object = {}, who: { role: "owner" | "guest"; via: string } = owner) => {
    const seen = { out: "", exit: 0, result: undefined as any, confirm: undefined as any };
    await host.as(who, async () => {
      const items = host
        .use("plinth.cli-command")
        .get("doctor")
        .run({ args, options, terminal } as never);
      for await (const item of items) {
        if ("out" in item) seen.out += item.out;
        if ("exit" in item) seen.exit = item.exit;
        if ("result" in item) seen.result = item.result;
        if ("confirm" in item) seen.confirm = item.confirm;
      }
    });
    return seen;
  };
  return { host, run };
}

const ROUTE = { agent: "main", sessionKey: "main", harness: "native", workspace: "/", system: [] };
const told = ({ result }: { result: any }) => result.findings.filter(({ code }: Finding) => code !== "PLINTH_PORT_TAKEN");

it("says what every check found, problems first, each with its owner, code and next step, and ends with 1", async () => {
  const { run } = await house(
    check("one", () => [finding({ severity: "notice", code: "PLINTH_N", owner: "plinth.one" })]),
    check("two", () => [
      finding({ why: "Escape \u001b[2J and a very long line that has to be broken somewhere before the terminal's own edge comes." }),
    ]),
  );
  const { out, exit, result } = await run();
  expect(exit).toBe(1);
  expect(out).toMatch(/^1 thing is wrong\.\n\n\S+: is unwell \(PLINTH_X\)\n {2}- Escape/);
  expect(out).not.toContain("\u001b");
  expect(Math.max(...out.split("\n").map((line) => line.length))).toBeLessThanOrEqual(80);
  expect(result.healthy).toBe(false);
  expect(result.checks).toContainEqual({ id: "two", extension: expect.any(String), title: "the two", outcome: "examined" });
});

it("takes a check that fails for a finding of its extension, and asks the others all the same", async () => {
  const fails = () => {
    throw new Error("no luck");
  };
  const { run } = await house(
    check("bad", fails),
    check("good", () => []),
  );
  const seen = await run();
  expect(told(seen)).toMatchObject([{ severity: "problem", what: "could not be asked about the bad", why: "no luck" }]);
});

it("asks what goes out into the network only with --online", async () => {
  const { run } = await house(check("far", () => [finding()]));
  const offline = await run();
  expect(offline).toMatchObject({ exit: 0, out: expect.stringContaining("Not looked at without --online: the far.") });
  expect(await run({}, { online: true })).toMatchObject({ exit: 1 });
});

it("mends after a yes, and looks again", async () => {
  let ill = true;
  const mend = () => {
    ill = false;
    return { done: ["Made it well."] };
  };
  const { run } = await house(check("ill", () => (ill ? [finding({ mendable: true })] : []), { mend }));
  const asked = await run({}, { fix: true });
  expect(asked.confirm).toEqual({ question: expect.stringMatching(/^Mend \S+ \(PLINTH_X\)\?$/), argv: ["doctor", "--fix", "--yes"] });
  expect(ill).toBe(true);
  const done = await run({}, { fix: true, yes: true });
  expect(done).toMatchObject({ exit: 0, result: { healthy: true, mended: ["Made it well."] } });
  expect(done.out).toMatch(/^Made it well\.\n\nNothing is wrong: /);
});

it("looks at one extension, and knows a typing error from a healthy one", async () => {
  const { run } = await house(check("one", () => [finding()]));
  await expect(run({ id: "acme.none" })).rejects.toMatchObject({ code: "PLINTH_NOT_INSTALLED" });
  expect((await run({ id: "plinth.doctor" })).out).toBe("Nothing is wrong with plinth.doctor.\n");
});

it("is for the owner alone", async () => {
  const { run } = await house();
  await expect(run({}, {}, { role: "guest", via: "test" })).rejects.toMatchObject({ code: "PLINTH_NOT_OWNER" });
});

/** A gateway announced itself in this home. */
async function announce(home: string): Promise<void> {
  const folder = join(home, GATEWAY_STATE);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const told = {
    url: "http://127.0.0.1:9",
    token: "t",
    pid: process.pid,
    startedAt: 1,
    version: "0",
    instance: "i",
    home: homeIdentity(home),
    process: "another-boot:1",
    socket: false,
  };
  await writeFile(join(folder, "running.json"), JSON.stringify(told), { mode: 0o600 });
}

const opened =
  (id: string, prepare: (home: string) => Promise<void> = async () => {}) =>
  async () => {
    const { host } = await house();
    await prepare(host.home);
    return { check: host.use("plinth.check").get(id) };
  };
for (const id of ["home", "machine", "walls", "models"])
  describeConformance({ describe, it }, `the check ${id}`, checkConformance, { open: opened(id) });
describeConformance({ describe, it }, "the check gateway", checkConformance, { open: opened("gateway"), openMendable: opened("gateway", announce) });

it("finds what a gateway that was killed left, and removes it", async () => {
  const { host, run } = await house();
  await announce(host.home);
  expect(told(await run())).toMatchObject([{ code: "PLINTH_GATEWAY_GONE", owner: "plinth.gateway", severity: "notice", mendable: true }]);
  expect((await run({}, { fix: true, yes: true })).result.mended).toEqual(["Removed what a gateway that was killed had left."]);
  expect(told(await run())).toEqual([]);
});

it("says that only a stand-in answers, and that a configured model cannot", async () => {
  const provider = (id: string, status: object, more: object = {}): ScriptedModel => ({
    id,
    status: () => status as never,
    models: () => Promise.reject(new Error("no route")),
    ...more,
  });
  const route = (model: string) => ({
    contract: "plinth.router",
    descriptor: { title: "r" },
    provider: { route: () => ({ ...ROUTE, model }) } as never,
  });
  const findings = async (model: string, ...models: ScriptedModel[]) => {
    const host = await createTestHost({ extensions: [{ manifest, extension }], provide: [route(model), scriptedModels(models)] });
    open.push(host);
    return async (online: boolean) =>
      (await host.as(owner, () => host.use("plinth.check").get("models").examine({ online }))).findings.map(
        ({ code, severity }) => `${severity} ${code}`,
      );
  };
  expect(await (await findings("auto", provider("rules", { ready: true }, { standIn: true })))(false)).toEqual(["notice PLINTH_NO_MODEL"]);
  expect(await (await findings("auto", provider("real", { ready: false, reason: "no key" })))(false)).toEqual(["problem PLINTH_NO_MODEL"]);
  expect(await (await findings("real/x", provider("real", { ready: false, reason: "no key" })))(false)).toEqual(["problem PLINTH_MODEL_NOT_READY"]);
  const ready = await findings("real/x", provider("real", { ready: true }));
  expect(await ready(false)).toEqual([]);
  expect(await ready(true)).toEqual(["problem PLINTH_EXTENSION_FAILED"]);
});

it("names each key and sign-in that cannot be used, and not what is only not set", async () => {
  const one = (name: string, kind: string, reason: string) => ({ id: `acme:${name}`, vendor: "acme", kind, usable: reason === "ok", reason });
  const all = [
    one("a", "key", "ok"),
    one("b", "key", "missing"),
    one("c", "oauth", "sign-in"),
    one("d", "token", "expired"),
    one("e", "key", "cooldown"),
    one("f", "key", "disabled"),
  ];
  const host = await createTestHost({
    extensions: [{ manifest, extension }],
    provide: [
      scriptedModels([{ id: "acme", status: () => ({ ready: true }) }]),
      { contract: "plinth.credentials", descriptor: { title: "c" }, provider: { list: () => ({ credentials: all }) } as never },
    ],
  });
  open.push(host);
  const { findings } = await host.as(owner, () => host.use("plinth.check").get("models").examine({ online: false }));
  expect(findings.map(({ severity, what, next }) => [severity, what, next])).toEqual([
    ["notice", "cannot use acme:c", "plinth models auth login acme"],
    ["notice", "cannot use acme:d", "plinth models auth list acme"],
    ["notice", "cannot use acme:f", "plinth models auth list acme"],
  ]);
});

it("says when the disk is nearly full, and when it is full", async () => {
  const { host } = await house();
  const ctx = { use: host.use } as never;
  const severity = async (mib: number) =>
    (await machineCheck(ctx, async () => mib * 1_048_576).examine({ online: false }, {} as never)).findings[0]?.severity;
  expect([await severity(5_000), await severity(500), await severity(50)]).toEqual([undefined, "notice", "problem"]);
});

it("keeps its report within the terminal, however long the words are", () => {
  const report = {
    healthy: false,
    version: "",
    node: "",
    home: "",
    findings: [finding({ what: "is ill ".repeat(40).trim() })],
    checks: [],
    mended: [],
    extensions: { all: 1, installed: 0 },
  };
  for (const columns of [40, 80]) {
    const text = reportText(report, { columns, color: false });
    expect(Math.max(...text.split("\n").map((line) => line.length))).toBeLessThanOrEqual(columns);
  }
});
