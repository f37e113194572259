import type { Context } from "@plinth/sdk";
import { type Asked, consentBlocks, partsBlocks, question } from "../install-report.ts";
import type { Installation, Installed } from "../installation.ts";
import type { Operation } from "../operation.ts";
import { type Block, code, type Report, safe } from "../report.ts";
import { type Preview, previewsOf } from "../set/preview.ts";
import { spoken } from "../spoken.ts";
import { installedOf, isOfOtherProduct, readWorld, settingsIn } from "../world.ts";

type Updated = ({ status: "unchanged" | "preview" } | { status: "needs-consent"; asked: Asked } | { status: "updated"; installed: Installed }) & {
  parts: Preview[];
  /** What an update does not reach, and why. */
  skipped: { id: string; why: string }[];
};

export function update(ctx: Context, installation: Installation): Operation {
  return {
    name: "update",
    summary: "Update extensions; waits for you only where something new is asked for",
    access: "owner",
    args: [{ name: "ids", summary: "Which ones; none for all", variadic: true }],
    options: {
      "dry-run": { type: "boolean", summary: "Only show what would change" },
      yes: { type: "boolean", short: "y", summary: "Consent to everything that is new", only: "shell" },
    },
    examples: ["update", "update demo.dice", "update --dry-run"],
    async *run({ input, requester, cwd, signal }): AsyncGenerator<string, Updated> {
      const world = await readWorld(ctx);
      const named = String(input.ids ?? "")
        .split(/\s+/)
        .filter(Boolean);
      for (const id of named) installedOf(world, id);
      const skipped: Updated["skipped"] = [];
      const ids = [...(named.length > 0 ? named : world.installed.keys())].filter((id) => {
        const { lock } = installedOf(world, id);
        const why = lock.source.startsWith("registry:") ? undefined : `it comes from ${lock.source}: install it again from there`;
        if (why !== undefined) skipped.push({ id, why });
        return why === undefined;
      });
      const asked = ids.map((id) => ({ id, range: settingsIn(world.config, id).version ?? "*", exact: false }));
      yield "Asking the registries …";
      const all = yield* spoken(() => installation.resolve(asked, world, signal));
      const steps = all
        .map((step) => ({ ...step, update: true }))
        .filter(
          ({ id, from }) =>
            !("entry" in from) || isOfOtherProduct(world, id ?? "") || world.installed.get(id as string)?.manifest.version !== from.entry.version,
        );
      if (steps.length === 0) return { status: "unchanged", parts: [], skipped };
      const staged: string[] = [];
      let waits = false;
      try {
        const prepared = yield* installation.prepare(steps, world, cwd, staged, signal);
        const dirs = prepared.packages.map(({ dir }) => dir);
        const parts = await previewsOf(ctx, prepared.parts, dirs);
        if (input["dry-run"] === true) return { status: "preview", parts, skipped };
        const decision = input.yes === true ? "yes" : "quiet";
        const result = yield* installation.settle(prepared, decision, requester, signal);
        waits = result.status === "needs-consent";
        if (result.status === "installed") return { status: "updated", installed: result, parts, skipped };
        return { status: "needs-consent", asked: result, parts, skipped };
      } finally {
        if (!waits) await installation.drop(staged);
      }
    },
    report: (result: Updated, { requester }) => reportOf(result, requester.surface === "chat"),
  };
}

function reportOf(result: Updated, chat: boolean): Report {
  const { parts, skipped, status } = result;
  const blocks: Block[] = [];
  if (status === "unchanged") blocks.push({ text: "There is nothing to update." });
  if (status === "preview") blocks.push({ text: "This would change:" }, ...partsBlocks(parts));
  if (status === "needs-consent") blocks.push(...partsBlocks(parts));
  if (status === "updated") {
    const lines = parts.map(({ id, version, replaces }) => `${id} ${version}${replaces === undefined ? ", new" : `, in place of ${replaces}`}`);
    const widened = parts.flatMap(({ id, widens }) => widens.map((one) => `${id}: ${one}`));
    blocks.push({ text: widened.length === 0 ? "Updated, with nothing new asked for:" : "Updated:" }, { items: lines });
    if (widened.length > 0) blocks.push({ title: "New against the versions before" }, { items: widened });
  }
  for (const { id, changelog } of parts) if (changelog.length > 0) blocks.push({ title: `What ${safe(id)} says is new` }, { items: changelog });
  const restarting = parts.filter(({ restarts }) => restarts).map(({ id }) => code(id));
  if (restarting.length > 0) {
    const verb = status === "updated" ? "Started anew" : "Would be started anew";
    blocks.push({ text: `${verb}: ${restarting.join(", ")}. Work that runs in the old version ends there first.` });
  }
  if (skipped.length > 0) blocks.push({ title: "Left out" }, { items: skipped.map(({ id, why }) => `${id}: ${why}`) });
  if (result.status !== "needs-consent") return { blocks };
  return { ...question(result.asked, chat), blocks: [...blocks, ...consentBlocks(result.asked, chat)] };
}
