import { statfs } from "node:fs/promises";
import type { Context, Finding, Provider } from "@plinth/sdk";

const MIB = 1_048_576;
/** Below this, changes and conversations are about to fail to be written; and a bound at which it is time to look. */
const FULL_MIB = 100;
const LOW_MIB = 1_024;

/** What the machine gives: room on the disk of the home. The Node version the launcher sees to. */
export function machineCheck(ctx: Context, room = roomAt): Provider<"plinth.check"> {
  return {
    async examine() {
      const { home } = await ctx.use("plinth.host").one().status({});
      const left = Math.floor((await room(home)) / MIB);
      if (left >= LOW_MIB) return { findings: [] };
      const full = left < FULL_MIB;
      const finding: Finding = {
        code: "PLINTH_DISK",
        severity: full ? "problem" : "notice",
        owner: "host",
        what: `has ${left} MiB left on the disk of its home`,
        why: full ? "What is said and changed can soon not be written any more." : "Packages, conversations and logs are kept there.",
        next: "Make room, or move the home to another disk (PLINTH_HOME).",
      };
      return { findings: [finding] };
    },
  };
}

async function roomAt(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}
