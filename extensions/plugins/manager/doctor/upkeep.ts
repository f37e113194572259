import type { Context } from "@plinth/sdk";
import { missingIn, type Setup } from "../upkeep/setup.ts";
import { actedOn } from "../upkeep/watch.ts";
import { readWorld } from "../world.ts";
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
