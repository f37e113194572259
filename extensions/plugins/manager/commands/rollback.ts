import { type Context, errorInfo, PlinthError } from "@plinth/sdk";
import { installReport } from "../install-report.ts";
import type { Installation, InstallResult } from "../installation.ts";
import type { Operation } from "../operation.ts";
import type { Kept } from "../set/previous.ts";
import type { Step } from "../set/step.ts";
import { installedOf, type LockEntry, readWorld } from "../world.ts";

type RolledBack = InstallResult & {
  /** Why its registry could not be asked about the older version. */
  unasked?: string;
};

export function rollback(ctx: Context, installation: Installation): Operation {
  return {
    name: "rollback",
    summary: "Go back to a version that was installed before",
    access: "owner",
    args: [
      { name: "id", summary: "Such as demo.dice", required: true },
      { name: "version", summary: "Which one; none for the one before" },
    ],
    options: { yes: { type: "boolean", short: "y", summary: "Consent to what the older version asks for", only: "shell" } },
    examples: ["rollback demo.dice", "rollback demo.dice 1.0.0"],
    async *run({ input, requester, cwd, signal }): AsyncGenerator<string, RolledBack> {
      const id = String(input.id);
      const world = await readWorld(ctx);
      const { manifest } = installedOf(world, id);
      const kept = (await installation.previous.of(id)).filter(({ lock }) => lock.version !== manifest.version);
      const chosen = input.version === undefined ? kept[0] : kept.find(({ lock }) => lock.version === input.version);
      if (chosen === undefined) throw notKept(id, kept);
      const { goingBack } = await import("../set/going-back.ts");
      const back = await goingBack(id, chosen, world, installation.previous);
      if (!back.has(id)) throw notKept(id, []);
      const steps: Step[] = [];
      const consented = new Set<string | undefined>();
      let unasked: string | undefined;
      for (const [other, { lock, dir, consent }] of back) {
        yield `Asking whether ${other} ${lock.version} may be used …`;
        unasked ??= await assertUsable(installation, other, lock, signal);
        consented.add(consent);
        const { version: _version, digest: _digest, pinnedBy: _pinnedBy, reason: _reason, ...provenance } = lock;
        const because = other === id ? [] : [`it does not fit ${id} ${chosen.lock.version} as it is`];
        steps.push({ id: other, asked: other === id, because, from: { dir, provenance }, locked: lock });
      }
      const staged: string[] = [];
      let waits = false;
      try {
        const prepared = yield* installation.prepare(steps, world, cwd, staged, signal);
        // The owner has just said that it is wanted, and had consented to exactly this before.
        const quiet = prepared.packages.every(({ consent }) => consented.has(consent));
        const decision = input.yes === true ? "yes" : "quiet";
        const result = yield* installation.settle({ ...prepared, quiet }, decision, requester, signal);
        waits = result.status === "needs-consent";
        return { ...result, ...(unasked === undefined ? {} : { unasked }) };
      } finally {
        if (!waits) await installation.drop(staged);
      }
    },
    report(result: RolledBack, job) {
      const report = installReport(result, job);
      const chat = job.requester.surface === "chat";
      if (result.unasked !== undefined)
        report.blocks.push({ text: "Its registry could not be asked about this version:" }, { items: [result.unasked] });
      if (result.status === "installed") {
        report.blocks.push({
          text: `The next update moves it again, unless you pin it: \`${chat ? "/plugins" : "plinth plugins"} pin ${result.id}\``,
        });
      }
      return report;
    },
  };
}

/** Withdrawn and withheld versions are no way back. What cannot be asked now is told. */
async function assertUsable({ registries }: Installation, id: string, lock: LockEntry, signal: AbortSignal): Promise<string | undefined> {
  if (!lock.source.startsWith("registry:")) return undefined;
  try {
    const { entries } = await registries.facts(id, signal, lock.registry);
    const { yanked, blocked } = entries.find(({ version }) => version === lock.version) ?? {};
    const reason = blocked ?? yanked;
    if (reason === undefined) return undefined;
    throw new PlinthError("PLINTH_VERSION_YANKED", `${id} ${lock.version} was withdrawn: ${reason}.`, {
      next: `Choose another version: plinth plugins info ${id}`,
    });
  } catch (thrown) {
    const { code, message } = errorInfo(thrown);
    if (code === "PLINTH_VERSION_YANKED") throw thrown;
    return message;
  }
}

function notKept(id: string, kept: readonly Kept[]): PlinthError {
  return new PlinthError("PLINTH_VERSION_UNKNOWN", `No such earlier version of ${id} is kept here.`, {
    next:
      kept.length > 0
        ? `There is ${kept.map(({ lock }) => lock.version).join(", ")}.`
        : `Install the one that you want: plinth plugins install ${id}@VERSION`,
  });
}
