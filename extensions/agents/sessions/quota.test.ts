import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { payerOf } from "./quota.ts";
import { Process } from "./store.testing.ts";

const DAY_MS = 24 * 60 * 60 * 1_000;
const megabyte = "x".repeat(1_000_000);
const entry = (text: string) => ({ kind: "message" as const, message: { role: "assistant" as const, content: [{ type: "text" as const, text }] } });

let dir: string;
let clock = 1_800_000_000_000;
let store: Process;

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), "plinth-quota-"));
  store = await Process.open({ dir, now: () => clock });
});
afterEach(() => {
  store.close();
  rmSync(dir, { recursive: true, force: true });
});

const by = (payer: string | null) => ({ origin: { by: "system" as const }, payer });

/** How many megabytes are taken until it is refused, and with which code. */
async function fill(origin: string | null, session: (n: number) => string): Promise<[megabytes: number, code: string]> {
  for (let n = 0; n < 100; n++) {
    const code = await store.append({ key: session(n), bodies: [entry(megabyte)] }, by(origin)).then(
      () => "",
      (thrown: { code: string }) => thrown.code,
    );
    if (code !== "") return [n, code];
  }
  return [100, "none"];
}

it("one origin writes 16 MiB into transcripts, over however many sessions, and then waits for the day to pass", async () => {
  expect(await fill("acme.flood", (n) => `s${n}`)).toEqual([16, "PLINTH_QUOTA"]);
  expect(await fill("acme.other", (n) => `s${n}`)).toEqual([16, "PLINTH_QUOTA"]);
  clock += DAY_MS / 2;
  expect(await fill("acme.flood", (n) => `t${n}`)).toEqual([9, "PLINTH_QUOTA"]);
});

it("what an origin wrote is remembered over a restart", async () => {
  await fill("acme.flood", (n) => `s${n}`);
  store.close();
  store = await Process.open({ dir, now: () => clock });
  expect(await fill("acme.flood", () => "again")).toEqual([0, "PLINTH_QUOTA"]);
});

it("the owner goes on when others used up theirs, until a session is full; its run still ends", async () => {
  await fill("acme.flood", (n) => `s${n}`);
  await store.beginRun({ key: "mine", runId: "r", message: { role: "user", content: [{ type: "text", text: "hello" }] } }, by(null));
  expect(await fill(null, () => "mine")).toEqual([67, "PLINTH_SESSION_FULL"]);
  await store.endRun({ key: "mine", runId: "r", status: "error" });
  await store.append({ key: "another", bodies: [entry(megabyte)] }, by(null));
});

it("an origin is whoever asks, unless it is the product for its owner", () => {
  const as = (role: "owner" | "guest" | "system", via: string) => ({ id: "w", generation: 1, principal: { role, via }, influences: [] });
  expect(payerOf({ caller: "plinth.runs", work: as("owner", "cli") })).toBeNull();
  expect(payerOf({ caller: "plinth.runs", work: as("guest", "acme.flood") })).toBe("acme.flood");
  expect(payerOf({ caller: "acme.flood", work: as("owner", "cli") })).toBe("acme.flood");
  expect(payerOf({ caller: "acme.flood", work: undefined })).toBe("acme.flood");
});
