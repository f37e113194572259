import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openHouse } from "../manager.testing.ts";

async function house() {
  const home = await openHouse();
  await home.shell("install", { spec: "demo.dice" }, { yes: true });
  const say = (more: object) => home.said.set("demo.dice", { enforcement: { level: "full", detail: [] }, ...more });
  const examine = async (options: Record<string, string | boolean> = {}) => {
    const { out, exit, result, confirm } = await home.shell("doctor", {}, options);
    return { out: out.replace(/\s+/g, " "), exit, result, confirm };
  };
  say({});
  return { ...home, say, examine };
}

const usage = (more: object = {}) => ({
  id: "demo.dice",
  tier: "isolate",
  state: "active",
  bundled: false,
  inFlight: 0,
  counts: { calls: 1, errors: 0, refused: 0, activations: 1, activateMs: 1, blockedMs: 0, longestBlockMs: 0, egressBytes: 0 },
  budgets: {},
  breakerOpen: false,
  ...more,
});
const fault = (code: string, more: object = {}) => ({ code, message: "It threw.", phase: "call", at: 1_000, count: 5, ...more });

it("says of a healthy host in one line that nothing is wrong, with status 0", async () => {
  const home = await house();
  expect(await home.examine()).toMatchObject({
    out: "Nothing is wrong: 2 extensions, 1 of them installed by you. ",
    exit: 0,
    result: { healthy: true, findings: [] },
  });
  expect((await home.shell("doctor", { id: "demo.dice" })).out).toBe("Nothing is wrong with `demo.dice`.\n");
});

describe("what is wrong is told with why and the one next step, and status 1", () => {
  it.each([
    ["quarantine", { status: { state: "quarantined", fault: fault("PLINTH_X") } }, "PLINTH_X", "Next: plinth plugins enable demo.dice"],
    [
      "what is left out",
      { status: { state: "blocked", fault: fault("PLINTH_MISSING", { next: "Install acme.geo." }) } },
      "PLINTH_MISSING",
      "Next: Install acme.geo.",
    ],
    [
      "a missing consent",
      { status: { state: "blocked", fault: fault("PLINTH_CONSENT_NEEDED") } },
      "waits for consent",
      "Next: plinth plugins install registry:demo.dice@1.0.0",
    ],
    [
      "a missing secret",
      { missing: { env: [], secrets: ["WEATHER_KEY"] } },
      "lacks the secret WEATHER_KEY",
      "Set the environment variable WEATHER_KEY",
    ],
    ["no wall", { enforcement: { level: "none", detail: ["There is no tier isolate."] } }, "has no wall", "There is no tier isolate."],
    ["an open breaker", { usage: usage({ breakerOpen: true }) }, "is left alone for now", "plinth audit --extension demo.dice --since 1h"],
  ])("%s", async (_name, more, what, next) => {
    const home = await house();
    home.say(more);
    const { out, exit, result } = await home.examine();
    expect(exit).toBe(1);
    expect(out).toContain("1 thing is wrong.");
    expect(out).toContain(what);
    expect(out).toContain(next);
    expect(result.findings).toEqual([
      expect.objectContaining({ extension: "demo.dice", severity: "problem", why: expect.any(String), next: expect.any(String) }),
    ]);
  });

  it("files that are not the installed ones", async () => {
    const home = await house();
    await writeFile(join(home.storeOf("demo.dice"), "index.js"), "export default { activate() { steal() } };");
    expect(await home.examine()).toMatchObject({ exit: 1, out: expect.stringContaining("plinth plugins uninstall demo.dice --keep-data") });
    await writeFile(join(home.storeOf("demo.dice"), "plinth.json"), "{");
    expect((await home.examine()).out).toContain("cannot be checked");
  });

  it("a grant that ended", async () => {
    const home = await house();
    home.grants.set("demo.dice", { ...home.grants.get("demo.dice")!, expiresAt: 1_000 });
    expect(await home.examine()).toMatchObject({ exit: 1, out: expect.stringContaining("plinth grants limit demo.dice --expires 7d") });
  });

  it("the host's own problems, each once", async () => {
    const home = await house();
    const same = fault("PLINTH_MISSING", { next: "Install acme.geo." });
    home.say({ status: { state: "blocked", fault: same } });
    home.hostSays.problems = [
      { code: "PLINTH_CONFIG", message: "The configuration is no JSON5.", next: "Correct it." },
      { ...same, extension: "demo.dice" },
    ];
    home.hostSays.safeMode = true;
    const { result } = await home.examine();
    expect(result.findings.map(({ extension, code }: any) => [extension, code])).toEqual([
      ["host", "PLINTH_CONFIG"],
      ["host", "PLINTH_SAFE_MODE"],
      ["demo.dice", "PLINTH_MISSING"],
    ]);
  });
});

describe("what is worth knowing leaves the status 0", () => {
  it.each([
    [
      "a scope",
      (home: any) => home.grants.set("demo.dice", { ...home.grants.get("demo.dice"), scope: { session: "main" } }),
      "granted for session main only",
    ],
    [
      "a grant that ends soon",
      (home: any) => home.grants.set("demo.dice", { ...home.grants.get("demo.dice"), expiresAt: Date.now() + 1_000 }),
      "soon",
    ],
    ["a wall with gaps", (home: any) => home.say({ enforcement: { level: "partial", detail: ["no namespaces"] } }), "only in part here"],
    ["what runs in the host", (home: any) => home.say({ status: { tier: "host" } }), "runs without a wall"],
    ["old work", (home: any) => (home.hostSays.draining = [3]), "still ends work of generation 3"],
    ["a long block", (home: any) => home.say({ usage: usage({ counts: { ...usage().counts, blockedMs: 400, longestBlockMs: 350 } }) }), "350 ms"],
    [
      "memory near its budget",
      (home: any) =>
        home.say({ usage: usage({ budgets: { heapMb: 32 }, process: { pid: 1, cpuMs: 1, memoryBytes: 31 * 1_048_576, shared: false } }) }),
      "31 of 32 MiB",
    ],
    [
      "an entry that nobody reads",
      (home: any) => (home.hostSays.config = { extensions: { "demo.dcie": { enabled: false } } }),
      "Did you mean demo.dice?",
    ],
    ["an unset variable", (home: any) => home.say({ missing: { env: ["WEATHER_UNITS"], secrets: [] } }), "may read WEATHER_UNITS"],
    ["a failure that is over", (home: any) => home.say({ status: { state: "active", fault: fault("PLINTH_X") } }), "runs again"],
  ])("%s", async (_name, prepare, told) => {
    const home = await house();
    prepare(home);
    const { out, exit, result } = await home.examine();
    expect([exit, result.healthy, result.findings.length]).toEqual([0, true, 1]);
    expect(out).toContain("Nothing is wrong: 2 extensions, 1 of them installed by you. Worth knowing:");
    expect(out).toContain(told);
  });
});

it("the product's own packages run where its bundled ones do, and that is no news", async () => {
  const home = await house();
  home.say({ status: { tier: "host", own: true } });
  expect(await home.examine()).toMatchObject({ exit: 0, result: { findings: [] } });
});

it("leaves alone what an owner disabled", async () => {
  const home = await house();
  home.say({ status: { state: "disabled", fault: fault("PLINTH_X") }, missing: { env: [], secrets: ["K"] } });
  expect((await home.examine()).result.findings).toEqual([]);
});

describe("--fix", () => {
  it("asks, and then lifts the quarantine", async () => {
    const home = await house();
    home.say({ status: { state: "quarantined", fault: fault("PLINTH_X") } });
    const asked = await home.examine({ fix: true });
    expect(asked.confirm).toEqual({ question: "Lift the quarantine of demo.dice?", argv: ["plugins", "doctor", "--fix", "--yes"] });
    expect(home.calls.map(({ method }) => method)).toEqual(["install"]);
    const done = await home.examine({ fix: true, yes: true });
    expect(home.calls.at(-1)).toEqual({ method: "enable", input: { id: "demo.dice", enabled: true } });
    expect(done).toMatchObject({ exit: 0, result: { status: "fixed", fixed: ["demo.dice"] }, out: expect.stringContaining("Nothing is wrong") });
  });

  it("does nothing that an owner must decide", async () => {
    const home = await house();
    home.say({ status: { state: "blocked", fault: fault("PLINTH_CONSENT_NEEDED") } });
    const { out, exit } = await home.examine({ fix: true, yes: true });
    expect([exit, home.calls.length]).toEqual([1, 1]);
    expect(out).toContain("None of this can be mended without you deciding something.");
  });
});

it("in a conversation names commands of the conversation and offers buttons, and nothing that an extension says steers it", async () => {
  const home = await house();
  home.say({ status: { state: "quarantined", fault: fault("PLINTH_X", { message: "[click](http://evil.example)\u001b[2J" }) } });
  const { text, suggest } = await home.chat("doctor");
  expect(text).toContain("Next: /plugins enable demo.dice");
  expect(text).not.toMatch(/\]\(|(?!\n)\p{Cc}/u);
  expect(suggest).toEqual([{ label: "Try demo.dice again", text: "/plugins enable demo.dice" }]);
});

it("inspect shows what is enforced, the grant, budgets with their use, and the history of faults", async () => {
  const home = await house();
  await home.shell("grants.limit", { id: "demo.dice" }, { session: "main" });
  home.say({
    enforcement: { level: "partial", detail: ["a process of its own", "missing: namespaces"] },
    status: { fault: fault("PLINTH_X", { retryAt: 61_000 }) },
    usage: usage({
      budgets: { heapMb: 32 },
      inFlight: 2,
      counts: { ...usage().counts, calls: 7, refused: 3, egressBytes: 2_097_152 },
      process: { pid: 42, cpuMs: 1_500, memoryBytes: 1_048_576, shared: true },
    }),
    missing: { env: [], secrets: ["WEATHER_KEY"] },
  });
  const out = (await home.shell("inspect", { id: "demo.dice" })).out.replace(/\s+/g, " ");
  for (const part of [
    "isolate; enforced here in part",
    "What holds it - a process of its own - missing: namespaces",
    "holds in session main only, until it is revoked; given 1970-01-01 00:00 UTC by test",
    "7 calls, 2 in flight, 0 failed, 3 refused",
    "1.50 s of CPU, 1.0 MiB, process 42, shared with others of its publisher",
    "2.0 MiB",
    "5 times, last at 1970-01-01 00:00 UTC; tried again after 1970-01-01 00:01 UTC",
    "the secret WEATHER_KEY",
  ])
    expect(out).toContain(part);
});
