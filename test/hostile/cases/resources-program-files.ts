import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "vitest";
import { installed } from "../authority.testing.ts";
import { type Attack, by, type Found, type HostileCase } from "../case.ts";

const MIB = 1_048_576;
const STORAGE_MB = 20;
/** By tier they are all the same: the host runs them. Where there is no wall, no program runs. */
const STOPS = [by("storage watch", "PLINTH_QUOTA"), by("broker", "PLINTH_SANDBOX")];
const LONGEST_MS = 90_000;

/** What it does is asked for and goes on after the call, so that no call's deadline says how it ended. */
const CODE = `
  const { step, command: [program, ...args] = [] } = input.args;
  if (step === "start") {
    globalThis.ended = undefined;
    void (async () => {
      try { globalThis.ended = { text: "ran " + (await ctx.exec(program, args, { cwd: "data", timeoutMs: 80_000 })).stdout }; }
      catch (thrown) { globalThis.ended = { thrown }; }
    })();
  }
  if (step === "clear") void ctx.files.remove("data/fill", { recursive: true }).then(() => { globalThis.cleared = true; });
  return attempt(() => { if (globalThis.ended?.thrown) throw globalThis.ended.thrown; return globalThis.ended?.text ?? "not yet"; });`;

/** Run a program to its end, however that comes. */
async function ran(attack: Attack, command: readonly string[]): Promise<Found> {
  let found = await attack.call({ step: "start", command });
  for (const until = Date.now() + LONGEST_MS; found.message === "DONE: not yet" && Date.now() < until; await attack.sleep(100))
    found = await attack.call({ step: "how" });
  return found;
}

/** Blocks of the disk that lie in the attack's own folder, in bytes, and how many files there are. */
async function kept({ facts, id }: Attack): Promise<{ bytes: number; files: number }> {
  const entries = await readdir(join(facts.home, "state", id), { recursive: true, withFileTypes: true });
  const all = await Promise.all(entries.map(({ parentPath, name }) => lstat(join(parentPath, name))));
  return { bytes: all.reduce((sum, { blocks }) => sum + blocks * 512, 0), files: all.filter((one) => one.isFile()).length };
}

/**
 * A program that fills its extension's folder, and what comes after: no other program runs that writes there, what was kept is still
 * there, and when the extension has removed some of it, programs run.
 *
 * @param clears it removes what it kept, and runs one more.
 * @param before what runs first, and is let run.
 * @param most bytes that may lie there when it was ended; what is written between two looks is what is written in their time.
 */
const fills = (
  id: string,
  tries: string,
  command: readonly string[],
  {
    before,
    most = Number.POSITIVE_INFINITY,
    named = true,
    clears = false,
  }: { before?: readonly string[]; most?: number; named?: boolean; clears?: boolean } = {},
): HostileCase => ({
  ...{ id, tries, phase: "call", stopped: { isolate: STOPS }, blameless: true, code: CODE },
  manifest: { permissions: { exec: ["*"], fs: ["data"] }, budgets: { storageMb: STORAGE_MB } },
  async attack(attack) {
    await installed(attack);
    const first = await ran(attack, before ?? ["mkdir", "fill"]);
    if (first.code === "PLINTH_SANDBOX") return first;
    expect(first).toMatchObject({ code: "none", message: expect.stringMatching(/^DONE: ran/) });
    const found = await ran(attack, command);
    expect(found.message).toMatch(new RegExp(`^${command[0]} of ${attack.id} was ended: it kept more than ${STORAGE_MB} MiB`));
    if (!named) return found;
    const { bytes, files } = await kept(attack);
    expect(files).toBeGreaterThan(0);
    expect(bytes).toBeGreaterThan(STORAGE_MB * MIB);
    expect(bytes).toBeLessThanOrEqual(most);
    const again = await ran(attack, ["bash", "-c", "echo did-run"]);
    expect(again).toMatchObject({ code: "PLINTH_QUOTA", message: expect.stringContaining(`${attack.id} cannot run bash now: it kept more than`) });
    expect(await kept(attack)).toEqual({ bytes, files });
    if (!clears) return found;
    await attack.call({ step: "clear" });
    await expect.poll(async () => (await ran(attack, ["bash", "-c", "echo well"])).message, { timeout: LONGEST_MS }).toBe("DONE: ran well\n");
    return found;
  },
});

const bash = (script: string): string[] => ["bash", "-c", `mkdir -p fill; cd fill; ${script}`];
const perl = (script: string): string[] => ["perl", "-e", `mkdir "fill"; chdir "fill"; ${script}`];

/** Programs that were granted, and fill the folder of the extension that runs them. */
export const cases: HostileCase[] = [
  fills("program-grows-a-file", "runs a program that writes one file without end into its folder", bash("exec yes > one"), {
    // The system stops it there, where nobody has looked yet.
    most: (STORAGE_MB + 17) * MIB,
    clears: true,
  }),
  fills(
    "program-small-files",
    "runs a program that writes ten thousand small files into its folder",
    perl('for (1 .. 10000) { open my $file, ">", $_ or die; print $file "x" x 4000; close $file } sleep 1000'),
    { most: 42 * MIB },
  ),
  fills(
    "program-sparse-file",
    "runs a program that makes files of holes, which take nothing, and then fills them in",
    perl('for my $n (1 .. 100) { open my $file, "+<", $n or die; for (1 .. 30) { print $file "x" x 1048576 } close $file } sleep 1000'),
    // Three gigabytes of holes are no offence, and one file that says it has a terabyte is refused.
    {
      clears: true,
      before: perl(
        'for (1 .. 100) { open my $file, ">", $_ or die; truncate $file, 30 * 1048576 or die } $SIG{XFSZ} = "IGNORE"; open my $file, ">", "large"; exit(truncate($file, 1 << 40) ? 1 : 0)',
      ),
    },
  ),
  fills(
    "program-unwaited-writers",
    "runs a program whose children write a little each and end, and nobody waits for them",
    perl(
      '$SIG{CHLD} = "IGNORE"; for (my $n = 0; ; $n++) { my $child = fork; if (!defined $child) { select undef, undef, undef, 0.01; next } if (!$child) { open my $file, ">", $n; print $file "x" x 1048576; exit } select undef, undef, undef, 0.002 }',
    ),
  ),
  fills(
    "program-unnamed-files",
    "runs a program that fills the disk with files that it removed and holds open",
    perl(
      'my @held; for (my $n = 0; ; $n++) { open my $file, ">", $n or die; unlink $n; print $file "x" x 1048576; $file->flush; push @held, $file; select undef, undef, undef, 0.01 }',
    ),
    // They go with the program: what is left is not over.
    { named: false },
  ),
  {
    id: "program-reserved-disk",
    tries: "runs a program that takes the disk without writing a byte: fallocate",
    phase: "call",
    stopped: { isolate: [by("inert", "none"), by("broker", "PLINTH_SANDBOX")] },
    blameless: true,
    manifest: { permissions: { exec: ["*"], fs: ["data"] }, budgets: { storageMb: STORAGE_MB } },
    code: CODE,
    async attack(attack) {
      await installed(attack);
      const script =
        'my $number = `uname -m` =~ /aarch64/ ? 47 : 285; open my $file, ">", "one"; print syscall($number, fileno $file, 0, 0, 10 << 20) < 0 ? "refused" : "did-take"';
      const found = await ran(attack, ["perl", "-e", script]);
      if (found.code === "none") expect(found.message).toBe("DONE: ran refused");
      return found;
    },
  },
];
