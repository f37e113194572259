import { lstat, mkdir, mkdtemp, readdir, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createTestHost } from "@plinth/sdk/testing";
import { found } from "@plinth/sdk/tiers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import extension from "./index.ts";
import manifest from "./plinth.json" with { type: "json" };

const MIB = 1_048_576;
const STORAGE_MB = 20;
const here = await found();
let top: string;
let host: Awaited<ReturnType<typeof createTestHost>>;

beforeEach(async () => {
  top = await realpath(await mkdtemp(join(tmpdir(), "plinth-own-")));
  for (const name of ["workspace", "data"]) await mkdir(join(top, name));
  host = await createTestHost({ extensions: [{ manifest, extension }] });
});
afterEach(async () => {
  await host.close();
  await rm(top, { recursive: true, force: true });
});

/** Run a program to its end: what it printed, or the error that ended it. */
async function run(
  command: readonly string[],
  { workspace = false, data = true } = {},
): Promise<{ text: string } | { code: string; message: string; extension: string }> {
  const [program = "", ...args] = command;
  const folders = [
    { name: "data", path: join(top, "data"), write: data },
    ...(workspace ? [{ name: "workspace", path: join(top, "workspace"), write: true }] : []),
  ];
  const request = { program, args, cwd: workspace ? "workspace" : "data", timeoutMs: 60_000 };
  let text = "";
  try {
    const items = host
      .use("plinth.program-runner")
      .one()
      .open({ extension: "acme.x", programs: ["*"], folders, storageMb: STORAGE_MB, request });
    for await (const item of items)
      if ("stdout" in item || "stderr" in item) text += Buffer.from("stdout" in item ? item.stdout : item.stderr).toString();
    return { text };
  } catch (thrown) {
    const { code, message, extension } = thrown as { code: string; message: string; extension: string };
    return { code, message, extension };
  }
}

const perl = (script: string): string[] => ["perl", "-e", script];
const bash = (script: string): string[] => ["bash", "-c", script];
const well = bash("echo well");

async function kept(): Promise<number> {
  const names = await readdir(join(top, "data"), { recursive: true });
  const all = await Promise.all(names.map((name) => lstat(join(top, "data", name))));
  return all.reduce((sum, { blocks }) => sum + blocks * 512, 0);
}

const full = (how: string) => ({ code: "PLINTH_QUOTA", extension: "acme.x", message: expect.stringMatching(how) });

describe.runIf(here.bwrap !== null)("what a program keeps in its extension's own folder", () => {
  it("ends it when it is more than the budget; then none runs that writes there, until some was removed", async () => {
    expect(await run(bash("for n in $(seq 100); do yes 2>&- | head -c 1M > $n; done; sleep 1000"))).toEqual(
      full("^bash of acme.x was ended: it kept more than 20 MiB, or 20,000 files, in its folder.$"),
    );
    const bytes = await kept();
    expect(bytes).toBeGreaterThan(STORAGE_MB * MIB);
    expect(await run(well)).toEqual(full("^acme.x cannot run bash now: it kept more than 20 MiB"));
    expect(await kept()).toBe(bytes);
    // One that may only read there does no harm.
    expect(await run(well, { data: false, workspace: true })).toEqual({ text: "well\n" });
    await rm(join(top, "data/1"));
    for (const name of await readdir(join(top, "data"))) await rm(join(top, "data", name));
    await expect.poll(() => run(well)).toEqual({ text: "well\n" });
  });

  it("is found though the program was over before anybody looked", async () => {
    expect(await run(bash("yes 2>&- | head -c 21M > one; echo done"))).toEqual(full("was ended: it kept more than"));
  });

  it("is one file of hardly more than the budget, where it writes nowhere else", async () => {
    expect(await run(bash("exec yes > one"))).toEqual(full("^bash of acme.x was ended"));
    expect(await kept()).toBeLessThanOrEqual((STORAGE_MB + 17) * MIB);
  });

  it("is counted by what lies on the disk: not holes, not what it writes in the workspace, not what it removed", async () => {
    expect(await run(perl('for (1 .. 100) { open my $file, ">", $_ or die; truncate $file, 30 * 1048576 or die } print "well\n"'))).toEqual({
      text: "well\n",
    });
    expect(await run(bash("yes 2>&- | head -c 64M > one; echo well"), { workspace: true })).toEqual({ text: "well\n" });
    expect(await run(bash("for n in $(seq 40); do yes 2>&- | head -c 1M > one; rm one; done; echo well"))).toEqual({ text: "well\n" });
  });

  it.each<[string, string]>([
    ["small files", 'for (1 .. 10000) { open my $file, ">", $_ or die; print $file "x" x 4000; close $file } sleep 1000'],
    [
      "files of children for which nobody waits",
      '$SIG{CHLD} = "IGNORE"; for (my $n = 0; ; $n++) { my $child = fork; if (!defined $child) { select undef, undef, undef, 0.01; next } if (!$child) { open my $file, ">", $n; print $file "x" x 1048576; exit } select undef, undef, undef, 0.002 }',
    ],
    [
      "files that it removed and holds open",
      'my @held; for (my $n = 0; ; $n++) { open my $file, ">", $n or die; unlink $n; print $file "x" x 1048576; $file->flush; push @held, $file; select undef, undef, undef, 0.01 }',
    ],
  ])("ends it for %s", async (_what, script) => {
    expect(await run(perl(`use IO::Handle; ${script}`))).toEqual(full("^perl of acme.x was ended: it kept more than 20 MiB"));
  });

  it("is written, and not reserved: fallocate is answered as by a file system that cannot", async () => {
    const script =
      'my $call = `uname -m` =~ /aarch64/ ? 47 : 285; open my $file, ">", "one"; print syscall($call, fileno $file, 0, 0, 1 << 20), " ", $! + 0';
    expect(await run(perl(script))).toEqual({ text: "-1 95" });
    expect(await kept()).toBe(0);
  });

  it("ends all programs of the extension that write there", async () => {
    const idle = run(["sleep", "1000"]);
    expect(await run(bash("for n in $(seq 100); do yes 2>&- | head -c 1M > $n; done; sleep 1000"))).toEqual(full("^bash of acme.x was ended"));
    expect(await idle).toEqual(full("^sleep of acme.x was ended"));
  });
});
