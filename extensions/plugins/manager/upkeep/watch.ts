import { type Context, errorInfo } from "@plinth/sdk";
import type { Registries } from "../market/registries.ts";
import { readWorld } from "../world.ts";
import { advisoriesFor } from "./advisories.ts";

/** What was done about an extension because of an advisory or a withdrawal, for doctor. */
export interface Acted {
  id: string;
  version: string;
  action: "warn" | "disable" | "remove";
  message: string;
  at: number;
}

const KEY = "advisories";

/** Pull the feeds, do what the policy says, tell it. Each pass replaces what the one before has found. */
export async function actOnAdvisories(ctx: Context, registries: Registries, signal: AbortSignal): Promise<Acted[]> {
  const world = await readWorld(ctx);
  const { findings, failed } = await advisoriesFor(ctx, registries, world, signal);
  for (const { registry, message } of failed) ctx.log.warn("Advisories could not be read.", { registry, message });
  const before = await actedOn(ctx);
  const gravest = new Map<string, Acted>();
  for (const { installed, action, message } of findings) {
    if (!gravest.has(installed.id)) gravest.set(installed.id, { ...installed, action, message, at: ctx.clock.now() });
  }
  const acted: Acted[] = [];
  const admin = ctx.use("plinth.host-admin").one();
  for (const one of gravest.values()) {
    const known = before.find(
      ({ id, version, action, message }) => id === one.id && version === one.version && action === one.action && message === one.message,
    );
    acted.push(known ?? one);
    // Done once: an owner who enables it again has decided.
    if (known !== undefined) continue;
    try {
      if (one.action === "disable") await admin.enable({ id: one.id, enabled: false }, { signal });
      if (one.action === "remove") await admin.uninstall({ id: one.id, keepData: true }, { signal });
      ctx.log.warn(`Advisory: ${DONE[one.action]}.`, { id: one.id, version: one.version, message: one.message });
    } catch (thrown) {
      ctx.log.error(`Advisory: it could not be ${one.action}d.`, { id: one.id, error: errorInfo(thrown) });
    }
  }
  // What could not be asked says nothing about what it said before.
  const silent = new Set(failed.map(({ registry }) => registry));
  const unasked = before.filter(({ id }) => silent.has(world.installed.get(id)?.lock.registry ?? "") && !acted.some((one) => one.id === id));
  await ctx.store.set(KEY, [...acted, ...unasked]);
  return acted;
}

/** What the last pass found and did. */
export async function actedOn(ctx: Context): Promise<Acted[]> {
  return (await ctx.store.get<Acted[]>(KEY)) ?? [];
}

const DONE = { warn: "somebody should look at it", disable: "it was disabled", remove: "it was uninstalled, its data kept" };
