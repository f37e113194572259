import type { PackageVersion } from "@plinth/manifests";
import { productContracts } from "../solve/product-contracts.ts";
import type { Release, SolveInput } from "../solve/release.ts";
import { solve } from "../solve/solver.ts";
import { indexOf } from "./document-tasks.ts";

/** The versions of one extension that could be had. */
export interface Offer {
  /** What is here already, or was fetched. */
  here?: Release;
  /** Its index in the registry, as it came: all other versions. */
  index?: Uint8Array;
  /** Why some of them may not be chosen, by version. */
  refused: readonly (readonly [version: string, reason: string])[];
}

export interface SetQuestion extends Pick<SolveInput, "host" | "wanted"> {
  fixed: readonly (readonly [id: string, release: Release])[];
  preferred: readonly (readonly [id: string, version: string])[];
  /** By id; null: nobody knows it. */
  offers: ReadonlyMap<string, Offer | null>;
}

/** Either the set, or whose versions have to be known first. */
export type SetAnswer = { need: string[]; steps: number } | { chosen: { id: string; version: string; because: readonly string[] }[] };

class Unknown extends Error {
  readonly id: string;
  constructor(id: string) {
    super(id);
    this.id = id;
  }
}

/** Choose a set of versions, as far as what is known goes. @throws PLINTH_VERSION_CONFLICT, PLINTH_DEPENDENCY_MISSING. */
export async function solveSet({ host, wanted, fixed, preferred, offers }: SetQuestion): Promise<SetAnswer> {
  const refused = new Map<string, ReadonlyMap<string, string>>();
  for (const [id, offer] of offers) if (offer !== null) refused.set(id, new Map(offer.refused));
  const meter = { steps: 0 };
  try {
    const found = await solve({
      meter,
      host,
      wanted,
      contracts: productContracts(),
      fixed: new Map(fixed),
      preferred: new Map(preferred),
      releases: (id) => releasesOf(id, offers),
      refuses: (id, version) => refused.get(id)?.get(version) ?? null,
    });
    return { chosen: [...found].map(([id, { release, because }]) => ({ id, version: release.version, because })) };
  } catch (thrown) {
    if (!(thrown instanceof Unknown)) throw thrown;
    return { need: await needed(thrown.id, offers, new Set(fixed.map(([id]) => id))), steps: meter.steps };
  }
}

async function releasesOf(id: string, offers: SetQuestion["offers"]): Promise<Release[]> {
  const offer = offers.get(id);
  if (offer === undefined) throw new Unknown(id);
  if (offer === null) return [];
  const { here, index } = offer;
  const others = index === undefined ? [] : (await indexOf(index, id)).versions.filter(({ version }) => version !== here?.version);
  return [...(here === undefined ? [] : [here]), ...others];
}

/** The one that is missing, and what the newest versions of all others need: each question costs a way to the registry. */
async function needed(id: string, offers: SetQuestion["offers"], fixed: ReadonlySet<string>): Promise<string[]> {
  const found = new Set([id]);
  for (const [of, offer] of offers) {
    if (offer?.index === undefined) continue;
    const newest: PackageVersion | undefined = (await indexOf(offer.index, of)).versions.findLast(({ yanked }) => yanked === undefined);
    for (const other of Object.keys(newest?.manifest.extensions ?? {})) if (!offers.has(other) && !fixed.has(other)) found.add(other);
  }
  return [...found];
}
