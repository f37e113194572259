/** The same probes as root and as a user, with and without bubblewrap. What this machine cannot do is told in one line. */
import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";

/** Of nobody: it is in no list of users, and owns nothing. */
const SOMEBODY = 64_999;
const WALLS = ["namespaces", "Landlock", "the filter alone", "a leash"];
const EVERYTHING_REFUSED = { guest: [], program: [], leaks: [] };

interface Probed {
  root: boolean;
  outcome: Record<string, { guest: string[]; program: string[] | null; leaks: string[] | null } | string | null>;
}

const isRoot = process.getuid?.() === 0;
const home = mkdtempSync(join(tmpdir(), "plinth-matrix-"));
chmodSync(home, 0o755);
afterAll(() => rmSync(home, { recursive: true, force: true }));

function probe(uid: number | undefined): Probed | null {
  const program = join(import.meta.dirname, "probes.testing.ts");
  const user = uid === undefined ? {} : { uid, gid: uid };
  const env = { PATH: "/usr/bin:/bin", HOME: home, PLINTH_HOME: home, NODE_OPTIONS: "--conditions=development --no-warnings" };
  const { stdout, stderr } = spawnSync(process.execPath, [program, ...WALLS], { ...user, env, cwd: "/", encoding: "utf8", timeout: 120_000 });
  if (stdout !== "") return JSON.parse(stdout) as Probed;
  untold.push(`${uid === undefined ? "the probes" : "the probes as another user"} (${stderr.trim().split("\n").at(-1)})`);
  return null;
}

const untold: string[] = [];
const runs: [string, Probed | null][] = [[isRoot ? "as root" : "as a user", probe(undefined)]];
if (isRoot) runs.push(["as a user", probe(SOMEBODY)]);
else untold.push("the probes as root: this is a user");
for (const [who, run] of runs)
  for (const [wall, found] of Object.entries(run?.outcome ?? {}))
    if (typeof found === "string" || found === null) untold.push(`${wall} ${who} (${found})`);
if (untold.length > 0) console.warn(`not tried here: ${untold.join("; ")}`);

describe.skipIf(process.platform !== "linux").each(runs)("%s", (who, run) => {
  if (run === null) {
    it("could not be tried, which is told", () => expect(untold.join()).toContain("the probes"));
    return;
  }

  const behind = (wall: string) => {
    const found = run.outcome[wall];
    return typeof found === "object" && found !== null ? found : null;
  };

  it("is who it should be, and could be asked", () => {
    expect(run.root).toBe(who === "as root");
  });

  it("neither a guest nor a program behind namespaces can do any of it", () => {
    const found = behind("namespaces");
    if (found !== null) expect(found).toEqual(EVERYTHING_REFUSED);
    else expect(untold.join()).toContain(`namespaces ${who}`);
  });

  it("nor can a guest behind Landlock", () => {
    const found = behind("Landlock");
    if (found !== null) expect(found.guest).toEqual([]);
    else expect(untold.join()).toContain(`Landlock ${who}`);
  });

  it("a guest behind the filter alone sees what a user sees of the kernel's files, and changes nothing", () => {
    const found = behind("the filter alone");
    if (found !== null) expect(found.guest).toEqual(["see /sys"]);
    else expect(untold.join()).toContain(`the filter alone ${who}`);
  });

  it("without a filter the probe gets through where a user may, so it would notice; settings of the kernel stay out of reach", () => {
    const guest = behind("a leash")?.guest ?? [];
    expect(guest).toEqual(expect.arrayContaining(["hold memory in a memfd", "open a netlink socket", "take other namespaces"]));
    for (const settings of ["write to /proc/sys", "write to /proc/sysrq-trigger", "make a file system"]) expect(guest).not.toContain(settings);
  });
});
