import { type Context, nearNames } from "@plinth/sdk";
import { missingIn, type Setup } from "../upkeep/setup.ts";
import { actedOn } from "../upkeep/watch.ts";
import { isOwnPackage, readWorld, settingsIn, type World } from "../world.ts";
import type { Finding } from "./finding.ts";

/** What the configuration names and is not here, and what advisories have led to. */
export async function upkeepFindings(ctx: Context, setup: Setup): Promise<Finding[]> {
  const world = await readWorld(ctx);
  const found: Finding[] = [];
  const problems = await setup.problems();
  for (const { id } of missingIn(world)) {
    const { code, message, next } = problems.get(id) ?? {
      code: "PLINTH_NOT_INSTALLED",
      message: "It is installed when the gateway starts, or before the next message.",
      next: `plinth plugins install ${id}`,
    };
    found.push({ extension: id, severity: "problem", code, what: "is named in the configuration and not installed", why: message, next });
  }
  found.push(...unknownIn(world));
  for (const { id, version, action, message } of await actedOn(ctx)) {
    const here = world.installed.get(id);
    if (action !== "remove" && here?.manifest.version !== version) continue;
    const what = { warn: "has an advisory", disable: "was disabled because of an advisory", remove: "was uninstalled because of an advisory" }[
      action
    ];
    const next = action === "remove" ? `plinth plugins info ${id}` : `plinth plugins update ${id}`;
    found.push({ extension: id, severity: action === "warn" ? "notice" : "problem", code: "PLINTH_ADVISORY", what, why: message, next });
  }
  return found;
}

/** Entries for what is neither here nor to be installed: nobody reads them, most often for a mistyped id. */
function unknownIn(world: World): Finding[] {
  const ids = [...world.snapshot.records.map(({ manifest }) => manifest.id), ...Object.keys(world.packages)];
  return Object.keys(world.config.extensions ?? {}).flatMap((id): Finding[] => {
    const { version, source } = settingsIn(world.config, id);
    if ((version ?? source) !== undefined || ids.includes(id) || isOwnPackage(world, id)) return [];
    const near = nearNames(id, ids)[0];
    const why = `Nothing is installed under that id, and the entry says neither a version nor a source.${near === undefined ? "" : ` Did you mean ${near}?`}`;
    const next = `plinth config unset 'extensions["${id}"]'`;
    return [{ extension: id, severity: "notice", code: "PLINTH_NOT_INSTALLED", what: "is named in the configuration and unknown", why, next }];
  });
}
