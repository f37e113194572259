import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TranscriptEntry } from "@plinth/sdk";
import { createTestHost, type TestHost } from "@plinth/sdk/testing";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import router from "../../agents/router/index.ts";
import routerManifest from "../../agents/router/plinth.json" with { type: "json" };
import runs from "../../agents/runs/index.ts";
import runsManifest from "../../agents/runs/plinth.json" with { type: "json" };
import sessions from "../../agents/sessions/index.ts";
import sessionsManifest from "../../agents/sessions/plinth.json" with { type: "json" };
import extension from "./index.ts";
import manifest from "./plinth.json" with { type: "json" };

/** Before anything takes it: how far ahead the clock is. */
const clock = vi.hoisted(() => {
  const now = Date.now;
  const shift = { ms: 0 };
  Date.now = () => now() + shift.ms;
  return shift;
});

const owner = { role: "owner", via: "test" } as const;
const say = (text: string) => ({ kind: "command" as const, command: text, answer: "" });
let dir: string;
let host: TestHost;
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), "plinth-cli-sessions-"));
  host = await createTestHost({
    extensions: [
      { manifest, extension },
      { manifest: runsManifest, extension: runs },
      { manifest: routerManifest, extension: router },
      { manifest: sessionsManifest, extension: sessions },
    ],
    provide: [
      { contract: "plinth.harness", id: "native", descriptor: { title: "none", emits: [] }, provider: { run: async function* () {} } as never },
    ],
  });
});
afterEach(async () => {
  clock.ms = 0;
  await host.close();
  rmSync(dir, { recursive: true, force: true });
});

const store = () => host.use("plinth.session-store").one();
const write = (key: string, ...texts: string[]) => host.as(owner, () => store().append({ key, bodies: texts.map(say) }));

async function run(...argv: string[]) {
  const seen = { out: "", err: "", exit: 0 };
  const terminal = { cwd: dir, json: argv.includes("--json"), tty: false, columns: 80, color: false, local: true };
  await host.as(owner, async () => {
    for await (const item of host.use("plinth.entry").one().main({ argv, terminal })) {
      if ("out" in item) seen.out += item.out;
      if ("err" in item) seen.err += item.err;
      if ("exit" in item) seen.exit = item.exit;
    }
  });
  return seen;
}
const words = (entries: readonly TranscriptEntry[]) => entries.map(({ body }) => (body.kind === "command" ? body.command : body.kind));

describe("plinth sessions", () => {
  it("forks a conversation; each goes on by itself", async () => {
    await write("trip", "one", "two");
    const [first] = (await store().history({ key: "trip" })).entries;
    expect((await run("sessions", "fork", "trip", "--to", "other", "--at", first!.id, "--title", "By train")).out).toContain(
      "other has what was said there",
    );
    await write("other", "three");
    expect(words((await store().history({ key: "other" })).entries)).toEqual(["one", "three"]);
    const made = JSON.parse((await run("sessions", "fork", "trip", "--json")).out) as { session: { key: string } };
    expect(made.session.key).toMatch(/^fork-\d{4}-\d{2}-\d{2}-[0-9a-f]{6}$/);
    expect((await run("sessions", "fork", "trip", "--to", "other")).err).toContain("PLINTH_SESSION_EXISTS");
  });

  it("labels, archives and lists again", async () => {
    await write("trip", "one");
    expect((await run("sessions", "label", "trip", "family", "summer")).out).toBe("trip has: family, summer\n");
    expect((await run("sessions", "label", "trip")).out).toBe("trip has no labels any more.\n");
    expect((await run("sessions", "archive", "trip")).out).toBe("trip is archived.\n");
    expect((await run("sessions", "list")).out).toContain("There are no sessions yet");
    expect((await run("sessions", "list", "--archived")).out).toContain("trip");
    await run("sessions", "unarchive", "trip");
    expect((await run("sessions", "list")).out).toContain("trip");
    expect((await run("sessions", "archive", "nowhere")).err).toContain("PLINTH_SESSION_UNKNOWN");
  });

  it("writes a conversation into a file that only its owner reads, and takes it back, once", async () => {
    await write("trip", "one", "two", "three\u202e");
    await run("sessions", "rename", "trip", "A week in Oslo");
    expect((await run("sessions", "export", "trip", "trip.jsonl")).out).toContain("with 3 entries");
    const file = join(dir, "trip.jsonl");
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const printed = (await run("sessions", "export", "trip")).out;
    expect(printed).not.toContain("\u202e");
    const parsed = (text: string) =>
      text
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line));
    expect(parsed(printed)).toEqual(parsed(readFileSync(file, "utf8")));
    expect((await run("sessions", "export", "trip", "trip.jsonl")).err).toContain("it is there already");
    expect((await run("sessions", "export", "nowhere", "other.jsonl")).err).toContain("PLINTH_SESSION_UNKNOWN");
    expect((await run("sessions", "import", "trip.jsonl")).err).toContain("PLINTH_SESSION_EXISTS");
    expect((await run("sessions", "import", "trip.jsonl", "--session", "copy")).out).toContain("copy has 3 more entries");
    expect((await run("sessions", "import", "trip.jsonl", "--session", "copy")).out).toContain("copy has 0 more entries");
    const { entries } = await store().history({ key: "copy" });
    expect(words(entries)).toEqual(["one", "two", "three\u202e"]);
    expect(entries[0]!.origin?.influences?.[0]?.party).toBe("outside");
    expect((await store().get({ key: "copy" })).session?.title).toBe("A week in Oslo");
  });

  it("imports nothing of a file that is not whole", async () => {
    await write("trip", "one", "two");
    const printed = (await run("sessions", "export", "trip")).out.trim().split("\n");
    const broken: Record<string, string[]> = {
      "no session": printed.slice(1),
      "no JSON": [...printed, "{"],
      "no parent": [printed[0]!, printed[2]!],
      "no head": printed.slice(0, 2),
      "a second session": [...printed, printed[0]!],
      nothing: [],
    };
    for (const [name, lines] of Object.entries(broken)) {
      writeFileSync(join(dir, name), lines.join("\n"));
      expect((await run("sessions", "import", name, "-s", "copy")).err, name).toContain("PLINTH_SESSION_FILE");
      expect(await store().get({ key: "copy" }), name).toEqual({});
    }
    expect((await run("sessions", "import", "missing")).err).toContain("ENOENT");
  });

  it("cleans up exactly what it said it would", async () => {
    for (const key of ["old", "kept"]) await write(key, key);
    await run("sessions", "archive", "old");
    expect((await run("sessions", "cleanup")).out).toBe("There are no archived sessions that have not changed for 30 days.\n");
    expect((await run("sessions", "cleanup", "--dry-run", "--enforce")).err).toContain("PLINTH_USAGE");
    clock.ms = 31 * 86_400_000;
    const dry = JSON.parse((await run("sessions", "cleanup", "--json")).out);
    expect(dry).toMatchObject({ status: "dry-run", keys: ["old"] });
    const done = JSON.parse((await run("sessions", "cleanup", "--enforce", "--json")).out);
    expect(done).toEqual({ ...dry, status: "deleted" });
    expect((await store().get({ key: "old" })).deleted?.why).toBe("pruned");
    expect((await run("sessions", "cleanup", "--all")).out).toContain("kept\n");
    expect((await run("sessions", "cleanup", "--all", "--enforce")).out).toContain("deleted for good");
    expect((await store().list({})).sessions).toEqual([]);
  });
});
