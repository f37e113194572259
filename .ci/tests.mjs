// How the tests run: what was just changed first, then the long ones, so that no worker waits for another at the end; and
// which ones took longest, in CI.
import { execFileSync } from "node:child_process";
import { dirname, join, relative } from "node:path";
import { BaseSequencer } from "vitest/node";

const root = join(import.meta.dirname, "..");

/** Files that took longer than half a minute when CI told its slowest: only they have to begin early. */
const LONG = [
  "test/hostile/hostile.test.ts",
  "test/e2e/kill/kill.test.ts",
  "test/e2e/packages.test.ts",
  "test/e2e/guest-bounds.test.ts",
  "test/e2e/author-live.test.ts",
  "extensions/tiers/isolate/hostile.test.ts",
  "extensions/plugins/author/templates.test.ts",
  "test/e2e/own-gateway.test.ts",
  "test/e2e/crash.test.ts",
  "extensions/agents/compaction/long.test.ts",
];

/** Folders in which something differs from the last commit. */
function changedRooms() {
  if (process.env.CI) return new Set();
  try {
    const lines = execFileSync("git", ["status", "--porcelain", "--untracked-files=all"], {
      cwd: root,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    });
    return new Set(lines.split("\n").flatMap((line) => (line.length > 3 ? [dirname(line.slice(3).split(" -> ").at(-1))] : [])));
  } catch {
    return new Set();
  }
}

export class Sequencer extends BaseSequencer {
  async sort(specs) {
    const sorted = await super.sort(specs);
    const rooms = changedRooms();
    const name = (spec) => relative(root, spec.moduleId);
    const rank = (spec) => {
      if (rooms.has(dirname(name(spec)))) return -1;
      const long = LONG.indexOf(name(spec));
      return long === -1 ? LONG.length : long;
    };
    return sorted.sort((a, b) => rank(a) - rank(b));
  }
}

const TOLD = 10;
const seconds = (ms) => `${(ms / 1000).toFixed(1).padStart(6)} s`;

/** Tells the ten slowest files and the ten slowest tests when all are done. */
export class Slowest {
  onTestRunEnd(modules) {
    const longest = (all) => all.sort((a, b) => b.ms - a.ms).slice(0, TOLD);
    const files = modules.map((one) => ({ ms: one.diagnostic().duration, what: relative(root, one.moduleId) }));
    const tests = modules.flatMap((one) =>
      [...one.children.allTests()].map((test) => ({ ms: test.diagnostic()?.duration ?? 0, what: `${relative(root, one.moduleId)}: ${test.name}` })),
    );
    const lines = [
      ["The slowest files", files],
      ["The slowest tests", tests],
    ].flatMap(([title, all]) => ["", title, ...longest(all).map(({ ms, what }) => `${seconds(ms)}  ${what.slice(0, 140)}`)]);
    console.log(lines.join("\n"));
  }
}
