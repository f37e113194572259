import { setImmediate as nextTurn } from "node:timers/promises";
import type { Offer, ReleasePolicy } from "@plinth/registry";
import { errorInfo, type Manifest, PlinthError } from "@plinth/sdk";
import semver from "semver";
import { refusalOf } from "../market/policy.ts";
import type { Entry, Facts, Registries } from "../market/registries.ts";
import { type Installed, isOwnPackage, settingsIn, type World } from "../world.ts";

/** One extension that somebody asked for. */
export interface Asked {
  id: string;
  /** Semver range; `*` for the newest. */
  range: string;
  /** An exact version that was named may be older than what is installed. */
  exact: boolean;
  /** A package that was fetched already: the only version there is of it. */
  local?: Manifest;
}

/** One extension of the set that is to be as resolved. */
export interface Resolved {
  id: string;
  version: string;
  /** Who needs it, in words; empty for what was asked for. */
  because: readonly string[];
  asked: boolean;
  /** `here`: it stays as it is. */
  from: "here" | "fetched" | { facts: Facts; entry: Entry };
}

export interface Resolution {
  world: World;
  registries: Registries;
  policy: ReleasePolicy;
  now: number;
  signal: AbortSignal;
}

/**
 * The whole set that the asked ones need: what is installed stays where it can. Only if that fails may what is
 * installed move too.
 *
 * @throws PLINTH_VERSION_CONFLICT with a readable report, and those of the registries.
 */
export async function resolveSet(asked: readonly Asked[], by: string, resolution: Resolution): Promise<Resolved[]> {
  for (const one of asked) if (one.local === undefined) await assertOffered(one, resolution);
  const sources = new Sources(asked, resolution);
  try {
    return await attempt(asked, by, sources, resolution, false);
  } catch (thrown) {
    if (errorInfo(thrown).code !== "PLINTH_VERSION_CONFLICT") throw thrown;
    const movable = [...resolution.world.installed].some(([id]) => !asked.some((one) => one.id === id));
    if (!movable) throw thrown;
    return await attempt(asked, by, sources, resolution, true);
  }
}

async function attempt(asked: readonly Asked[], by: string, sources: Sources, { world, signal }: Resolution, move: boolean): Promise<Resolved[]> {
  const { leanRelease, solveSet } = await import("@plinth/registry");
  sources.move = move;
  const { installed, config } = world;
  // The order in which things were named decides nothing.
  asked = [...asked].sort((a, b) => (a.id < b.id ? -1 : 1));
  const askedFor = new Set(asked.map(({ id }) => id));
  const others = [...installed].filter(([id, { planned }]) => planned && !askedFor.has(id));
  const pins = [...askedFor].flatMap((id) => {
    const { version } = settingsIn(config, id);
    return version === undefined ? [] : [{ id, range: version, by: "your configuration" }];
  });
  const wanted = [
    ...asked.map(({ id, range }) => ({ id, range, by })),
    ...pins,
    ...others.map(([id]) => ({ id, range: settingsIn(config, id).version ?? "*", by: "what is installed" })),
  ];
  const fixed = [...world.bundled].map(([id, manifest]) => [id, leanRelease(manifest)] as const);
  const preferred = others.map(([id, { manifest }]) => [id, manifest.version] as const);
  const isHere = (id: string): boolean => installed.has(id) || askedFor.has(id);
  // Strangers wrote what is chosen from: it is chosen in their thread.
  const found = await solveSet({ host: world.version, wanted, fixed, preferred }, (id) => sources.offer(id), { isHere, signal });
  const result: Resolved[] = [];
  for (const { id, version, because } of found) {
    const isAsked = askedFor.has(id);
    result.push({ id, version, asked: isAsked, because: because.filter((why) => why.includes(" needs ")), from: sources.originOf(id, version) });
  }
  return result;
}

/** So many versions are looked at before others have a turn. */
const AT_ONCE = 200;
/** So many reasons are told in words. */
const MAX_REASONS = 200;

/** Unknown ids, unknown versions, withdrawn and too young ones are told as what they are, before any solving. */
async function assertOffered({ id, range, exact }: Asked, resolution: Resolution): Promise<void> {
  const { registries, signal, world } = resolution;
  const installed = world.installed.get(id);
  const facts = await registries.facts(id, signal, installed?.lock.registry);
  if (exact && installed?.manifest.version === range) return;
  const best = await facts.client.resolve(id, range === "*" ? "latest" : range, { signal });
  const wanted = new semver.Range(range);
  const reasons: string[] = [];
  // The newest first: that is the one which usually may be chosen.
  for (const [at, entry] of facts.entries.toReversed().entries()) {
    if (at % AT_ONCE === AT_ONCE - 1) await nextTurn();
    if (!semver.satisfies(entry.version, wanted) && entry.version !== best.version) continue;
    if (entry.version === installed?.manifest.version) return;
    const reason = await refusalOf(id, entry, { ...resolution, released: facts.released, registry: facts.client.name });
    if (reason === null) return;
    reasons.push(reason);
  }
  throw new PlinthError("PLINTH_RELEASE_YOUNG", `No version of ${id} may be chosen now: ${reasons.at(-1)}.`, {
    next: 'Wait, or name it in extensions["plinth.plugins"].config.release.exempt.',
  });
}

/** Where versions come from, asked once for each id. */
class Sources {
  move = false;
  readonly #asked: ReadonlyMap<string, Asked>;
  readonly #resolution: Resolution;
  readonly #facts = new Map<string, Facts | undefined>();
  readonly #refusals = new Map<string, string>();

  constructor(asked: readonly Asked[], resolution: Resolution) {
    this.#asked = new Map(asked.map((one) => [one.id, one]));
    this.#resolution = resolution;
  }

  /** The versions that could be had; null: nobody knows the extension. */
  async offer(id: string): Promise<Offer | null> {
    const { leanRelease } = await import("@plinth/registry");
    const asked = this.#asked.get(id);
    if (asked?.local !== undefined) return { here: leanRelease(asked.local), refused: [] };
    const installed = this.#resolution.world.installed.get(id);
    const here = installed === undefined ? {} : { here: leanRelease(installed.manifest) };
    if (installed !== undefined && asked === undefined && !this.#mayMove(installed)) return { ...here, refused: [] };
    const facts = await this.#ask(id, installed);
    if (facts === undefined) return installed === undefined ? null : { ...here, refused: [] };
    const refused: [string, string][] = [];
    for (const [at, { version }] of facts.entries.entries()) {
      if (at % AT_ONCE === AT_ONCE - 1) await nextTurn();
      const reason = this.#refusal(id, version, asked);
      if (reason !== null) refused.push([version, refused.length < MAX_REASONS ? reason : "it may not be chosen now"]);
    }
    const { signal } = this.#resolution;
    return { ...here, index: await facts.client.rawIndex(id, { signal }), refused };
  }

  #refusal(id: string, version: string, asked: Asked | undefined): string | null {
    const { world } = this.#resolution;
    const installed = world.installed.get(id)?.manifest.version;
    if (version === installed) return null;
    if (isOwnPackage(world, id)) return null;
    const pin = settingsIn(world.config, id).version;
    if (pin !== undefined && !semver.satisfies(version, pin)) return `your configuration pins it to ${pin}`;
    const named = asked?.exact === true && asked.range === version;
    // What came along may go back where the set needs it; an owner sees that and has to say yes.
    const mayGoBack = named || (asked === undefined && this.move);
    if (installed !== undefined && semver.lt(version, installed) && !mayGoBack) return `it is older than ${installed}, which is installed`;
    return this.#refusals.get(`${id}@${version}`) ?? null;
  }

  originOf(id: string, version: string): Resolved["from"] {
    if (this.#asked.get(id)?.local !== undefined) return "fetched";
    const installed = this.#resolution.world.installed.get(id)?.manifest.version;
    const facts = this.#facts.get(id);
    const entry = facts?.entries.find((one) => one.version === version);
    if (version === installed && (!this.#asked.has(id) || entry === undefined)) return "here";
    return facts === undefined || entry === undefined ? "here" : { facts, entry };
  }

  #mayMove({ lock }: Installed): boolean {
    return this.move && lock.source.startsWith("registry:");
  }

  async #ask(id: string, installed: Installed | undefined): Promise<Facts | undefined> {
    if (this.#facts.has(id)) return this.#facts.get(id);
    const { registries, signal } = this.#resolution;
    const facts = await registries.facts(id, signal, installed?.lock.registry).catch((thrown: unknown) => {
      if (["PLINTH_PACKAGE_UNKNOWN", "PLINTH_NO_REGISTRY"].includes(errorInfo(thrown).code)) return undefined;
      throw thrown;
    });
    for (const [at, entry] of (facts?.entries ?? []).entries()) {
      if (at % AT_ONCE === AT_ONCE - 1) await nextTurn();
      const reason = await refusalOf(id, entry, { ...this.#resolution, released: facts!.released, registry: facts!.client.name });
      if (reason !== null) this.#refusals.set(`${id}@${entry.version}`, reason);
    }
    this.#facts.set(id, facts);
    return facts;
  }
}
