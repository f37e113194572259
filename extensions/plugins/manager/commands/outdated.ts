import { setImmediate as nextTurn } from "node:timers/promises";
import type { AdvisoryFinding } from "@plinth/registry";
import { type Context, errorInfo } from "@plinth/sdk";
import { refusalOf } from "../market/policy.ts";
import type { Registries } from "../market/registries.ts";
import { releasePolicyOf } from "../market/settings.ts";
import type { Operation } from "../operation.ts";
import { type Block, safe } from "../report.ts";
import { advisoriesFor } from "../upkeep/advisories.ts";
import { type Installed, isOfOtherProduct, readWorld, settingsIn, type World } from "../world.ts";

interface Row {
  id: string;
  installed: string;
  /** The newest version that pins and policy allow. */
  allowed: string;
  newest: string;
  notes: string[];
}

interface Outdated {
  rows: Row[];
  /** What could not be compared, and why. */
  unknown: { id: string; why: string }[];
  advisories: AdvisoryFinding[];
}

/** Rows that fit one message of a conversation. */
const PAGE = 20;
/** So many versions are looked at before others have a turn. */
const AT_ONCE = 200;

export function outdated(ctx: Context, registries: Registries): Operation {
  return {
    name: "outdated",
    summary: "Show what has newer versions, was withdrawn or has advisories",
    access: "anyone",
    options: { page: { type: "string", value: "N", summary: "Which page of a long list", only: "chat" } },
    examples: ["outdated", "outdated --json"],
    async *run({ signal }): AsyncGenerator<string, Outdated> {
      const world = await readWorld(ctx);
      const result: Outdated = { rows: [], unknown: [], advisories: [] };
      yield "Asking the registries …";
      for (const [id, installed] of world.installed) {
        if (!installed.lock.source.startsWith("registry:")) {
          result.unknown.push({ id, why: `it comes from ${installed.lock.source}: install it again from there` });
          continue;
        }
        try {
          const row = await rowOf(ctx, registries, id, installed, world, signal);
          if (row.newest !== row.installed || row.notes.length > 0) result.rows.push(row);
        } catch (thrown) {
          result.unknown.push({ id, why: errorInfo(thrown).message });
        }
      }
      result.advisories = (await advisoriesFor(ctx, registries, world, signal)).findings;
      return result;
    },
    report({ rows, unknown, advisories }: Outdated, { input, requester }) {
      const blocks: Block[] = [];
      const chat = requester.surface === "chat";
      const pages = chat ? Math.max(1, Math.ceil(rows.length / PAGE)) : 1;
      const page = Math.min(Math.max(1, Number.parseInt(String(input.page ?? "1"), 10) || 1), pages);
      const shown = chat ? rows.slice((page - 1) * PAGE, page * PAGE) : rows;
      if (rows.length === 0) blocks.push({ text: "Everything that registries know is up to date." });
      else {
        const head = ["id", "installed", "allowed", "newest", "notes"];
        blocks.push({ head, rows: shown.map((one) => [one.id, one.installed, one.allowed, one.newest, one.notes.join("; ")]) });
        const command = chat ? "/plugins update --dry-run" : "plinth plugins update --dry-run";
        blocks.push({ text: `See what an update would change: \`${command}\`` });
      }
      if (page < pages) blocks.push({ text: `Page ${page} of ${pages}: \`/plugins outdated --page ${page + 1}\`` });
      if (advisories.length > 0) blocks.push({ title: "Advisories" }, { items: advisories.map(({ message }) => message) });
      if (unknown.length > 0) blocks.push({ title: "Not compared" }, { items: unknown.map(({ id, why }) => `${id}: ${safe(why)}`) });
      return { blocks };
    },
  };
}

async function rowOf(
  ctx: Context,
  registries: Registries,
  id: string,
  { manifest, lock }: Installed,
  world: World,
  signal: AbortSignal,
): Promise<Row> {
  const { default: semver } = await import("semver");
  const { client, entries, released } = await registries.facts(id, signal, lock.registry);
  const here = entries.find(({ version }) => version === manifest.version);
  const stable = entries.filter(({ version, yanked }) => yanked === undefined && semver.prerelease(version) === null);
  const newest = stable.at(-1)?.version ?? manifest.version;
  const pin = settingsIn(world.config, id).version;
  const policy = releasePolicyOf(ctx);
  const notes: string[] = [];
  let allowed = manifest.version;
  for (const [at, entry] of stable.entries()) {
    if (at % AT_ONCE === AT_ONCE - 1) await nextTurn();
    if (semver.lte(entry.version, manifest.version) || (pin !== undefined && !semver.satisfies(entry.version, pin))) continue;
    const refused = await refusalOf(id, entry, { policy, registry: client.name, released, now: ctx.clock.now() });
    if (refused === null) allowed = entry.version;
    else if (entry.version === newest) notes.push(refused);
  }
  if (pin !== undefined) notes.push(`pinned to ${pin}`);
  if (isOfOtherProduct(world, id)) notes.push("came with another version or build of the product");
  if (here === undefined) notes.push("the registry does not know the installed version");
  if (here?.yanked !== undefined) notes.push(`the installed version was withdrawn: ${here.yanked}`);
  if (here?.deprecated !== undefined) notes.push(`deprecated: ${here.deprecated}`);
  return { id, installed: manifest.version, allowed, newest: semver.gt(newest, manifest.version) ? newest : manifest.version, notes };
}
