import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { PlinthError } from "./errors.ts";
import { Grants } from "./grants.ts";
import { Supervisor } from "./supervisor.ts";

let home: string;
const made: Supervisor[] = [];
function supervise(): Supervisor {
  const one = new Supervisor(home);
  made.push(one);
  return one;
}
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "plinth-home-"));
  await mkdir(join(home, "host"));
});
afterEach(async () => {
  vi.useRealTimers();
  await Promise.all(made.splice(0).map((one) => one.flushed()));
  await rm(home, { recursive: true, force: true });
});
const failure = new PlinthError("PLINTH_EXTENSION_EXITED", "it ended", { extension: "acme.x" });

describe("the supervisor", () => {
  it("doubles the pause after each failure, and after five leaves it to an owner", () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    const supervisor = supervise();
    const pauses: (number | undefined)[] = [];
    for (let n = 0; n < 6; n++) {
      const { retryAt } = supervisor.strike("acme.x", "d1", "exit", failure);
      pauses.push(retryAt === undefined ? undefined : retryAt - Date.now());
    }
    expect(pauses).toEqual([1_000, 2_000, 4_000, 8_000, undefined, undefined]);
    vi.setSystemTime(Date.now() + 1e12);
    expect(() => supervisor.admit("acme.x", "d1")).toThrow(expect.objectContaining({ code: "PLINTH_QUARANTINED", extension: "acme.x" }));
    supervisor.clear("acme.x");
    expect(() => supervisor.admit("acme.x", "d1")).not.toThrow();
  });

  it("admits again once the pause is over, and counts on", () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    const supervisor = supervise();
    supervisor.strike("acme.x", "d1", "exit", failure);
    expect(() => supervisor.admit("acme.x", "d1")).toThrow(/quarantine/);
    vi.setSystemTime(Date.now() + 1_000);
    expect(() => supervisor.admit("acme.x", "d1")).not.toThrow();
    expect(supervisor.strike("acme.x", "d1", "exit", failure).count).toBe(2);
  });

  it("forgives another version, and others are not touched", () => {
    const supervisor = supervise();
    for (let n = 0; n < 5; n++) supervisor.strike("acme.x", "d1", "activate", failure);
    expect(() => supervisor.admit("acme.x", "d2")).not.toThrow();
    expect(() => supervisor.admit("acme.y", "d1")).not.toThrow();
    expect(supervisor.strike("acme.x", "d2", "activate", failure).count).toBe(1);
  });

  it("remembers over a restart, and an unreadable memory only forgets", async () => {
    const first = supervise();
    first.strike("acme.x", "d1", "activate", failure);
    await first.flushed();
    const second = supervise();
    await second.load();
    expect(second.fault("acme.x")).toEqual(first.fault("acme.x"));
    for (const text of ["not json", "null", "[]", '{"acme.x":5}', '{"acme.x":null}']) {
      await writeFile(join(home, "host/faults.json"), text);
      const third = supervise();
      await third.load();
      expect([...third.faults]).toEqual([]);
    }
  });

  it("counts boots that do not become ready: the fourth in a row is safe, and one that is ready starts anew", async () => {
    const supervisor = supervise();
    const safe: boolean[] = [];
    for (let n = 0; n < 4; n++) safe.push(await supervisor.bootStarts());
    await supervisor.bootReady();
    safe.push(await supervisor.bootStarts());
    expect(safe).toEqual([false, false, false, true, false]);
    await writeFile(join(home, "host/boots.json"), "not json");
    expect(await supervisor.bootStarts()).toBe(false);
  });
});

describe("grants", () => {
  const manifest = { id: "acme.x", version: "1.0.0", title: "X", description: "", engines: { plinth: "*" }, permissions: { net: ["a.example"] } };
  const grantOf = async (of: object, digest: string) => {
    const { consentHash } = await import("@plinth/manifests/digest.ts");
    return { consent: consentHash(of as never, digest), digest, version: "1.0.0", at: 1, by: "test", permissions: {}, asks: [] };
  };

  it("cover exactly what was consented to: these bytes, these powers", async () => {
    const grants = new Grants();
    expect(grants.covers(manifest, "d1")).toBe(false);
    grants.all = grants.with([["acme.x", await grantOf(manifest, "d1")]]);
    expect(grants.covers(manifest, "d1")).toBe(true);
    expect(grants.covers({ ...manifest, title: "Y", description: "other words" }, "d1")).toBe(true);
    for (const other of [
      { permissions: { net: ["a.example", "b.example"] } },
      { permissions: undefined },
      { provides: [{ contract: "x.c", version: "1.0.0", id: "x", descriptor: {} }] },
      { uses: [{ contract: "x.c", range: "*" }] },
      { hooks: [{ on: "x.y" }] },
      { extensions: { "acme.y": "*" } },
    ]) {
      expect(grants.covers({ ...manifest, ...other }, "d1")).toBe(false);
    }
    expect(grants.covers(manifest, "d2")).toBe(false);
    expect(grants.covers({ ...manifest, id: "acme.y" }, "d1")).toBe(false);
  });
});
