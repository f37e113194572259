import { join, resolve } from "node:path";
import type { Context } from "@plinth/sdk";
import { readTextFile } from "../document-file.ts";
import { installReport } from "../install-report.ts";
import type { Installation, InstallResult } from "../installation.ts";
import type { Job } from "../operation.ts";
import { code, type Report, safe } from "../report.ts";
import { stepsOfLock } from "../set/locked.ts";
import { readWorld } from "../world.ts";

export type Frozen = { status: "unchanged-lock"; file: string; extensions: number } | Exclude<InstallResult, { status: "unchanged" }>;

/** `install --frozen`: exactly what a lockfile says, to the byte; nothing is resolved and nothing is chosen. */
export async function* installFrozen(
  ctx: Context,
  installation: Installation,
  { input, cwd, requester, signal }: Job,
): AsyncGenerator<string, Frozen> {
  const world = await readWorld(ctx);
  const named = typeof input.spec === "string" && input.spec !== "";
  const file = named ? resolve(cwd, String(input.spec)) : join(world.home, "plinth.lock");
  const { parseLock } = await import("@plinth/registry");
  const lock = named ? parseLock(file, await readTextFile(file, "PLINTH_LOCK_FILE")) : world.lock;
  yield `Comparing with ${safe(file, 120)} …`;
  const steps = await stepsOfLock(lock, world, { kept: (digest) => installation.previous.folder(digest), exactly: named });
  if (steps.length === 0) return { status: "unchanged-lock", file, extensions: Object.keys(lock.extensions).length };
  const staged: string[] = [];
  let waits = false;
  try {
    const prepared = yield* installation.prepare(steps, world, cwd, staged, signal);
    const result = yield* installation.settle(prepared, input.yes === true ? "yes" : "ask", requester, signal);
    waits = result.status === "needs-consent";
    return result;
  } finally {
    if (!waits) await installation.drop(staged);
  }
}

export function frozenReport(result: Frozen | InstallResult, job: Job): Report {
  if (result.status !== "unchanged-lock") return installReport(result, job);
  return { blocks: [{ text: `Everything is as ${code(result.file)} says: ${result.extensions} extensions.` }] };
}
