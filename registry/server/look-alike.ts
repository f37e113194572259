import { editDistance } from "@plinth/manifests/near-names.ts";
import { PlinthError } from "@plinth/manifests/wire/error.ts";
import { splitId } from "../layout.ts";
import type { Storage } from "./storage/index.ts";

/** Downloads from which a package's name is protected against near misses. */
export const POPULAR_DOWNLOADS = 1_000;
const MAX_POPULAR = 2_000;
/** A name shorter than this has too many neighbours by nature. */
const MIN_LENGTH = 5;

/** Pairs that one reads for the other, in most typefaces. */
const LOOK_ALIKES: readonly [RegExp, string][] = [
  [/rn/g, "m"],
  [/vv/g, "w"],
  [/cl/g, "d"],
  [/0/g, "o"],
  [/[1i]/g, "l"],
  [/5/g, "s"],
  [/2/g, "z"],
  [/8/g, "b"],
];

/** What is left of a name for somebody who reads in a hurry: names with equal skeletons are taken for each other. */
export function skeletonOf(name: string): string {
  let skeleton = name.replaceAll("-", "");
  for (const [pattern, plain] of LOOK_ALIKES) skeleton = skeleton.replace(pattern, plain);
  return skeleton.replace(/(.)\1+/g, "$1");
}

/** @throws PLINTH_NAME_LOOKALIKE when a new publisher's name could be taken for one that is there. */
export async function assertPublisherName(name: string, storage: Storage): Promise<void> {
  if (await storage.allowedNames.has(name)) return;
  const [alike] = (await storage.publishers.bySkeleton(skeletonOf(name))).filter((known) => known !== name);
  if (alike !== undefined) throw lookAlike(name, alike);
  for (const id of await storage.packages.popular(POPULAR_DOWNLOADS, MAX_POPULAR)) {
    const { publisher } = splitId(id);
    if (isNearMiss(name, publisher)) throw lookAlike(name, publisher);
  }
}

/** @throws PLINTH_NAME_LOOKALIKE when a new package's name could be taken for another publisher's. */
export async function assertPackageName(id: string, storage: Storage): Promise<void> {
  if ((await storage.allowedNames.has(id)) || (await storage.allowedNames.has(splitId(id).publisher))) return;
  const { publisher, name } = splitId(id);
  const others = (ids: string[]) => ids.filter((known) => splitId(known).publisher !== publisher);
  const [alike] = others(await storage.packages.bySkeleton(skeletonOf(id)));
  if (alike !== undefined) throw lookAlike(id, alike);
  for (const known of others(await storage.packages.popular(POPULAR_DOWNLOADS, MAX_POPULAR))) {
    const popular = splitId(known).name;
    // The very same name under another publisher's is plain to see, and is what publishers' names are for.
    if (popular !== name && (isNearMiss(name, popular) || skeletonOf(name) === skeletonOf(popular))) throw lookAlike(id, known);
  }
}

const isNearMiss = (name: string, known: string): boolean => name !== known && known.length >= MIN_LENGTH && editDistance(name, known) === 1;

function lookAlike(name: string, known: string): PlinthError {
  return new PlinthError("PLINTH_NAME_LOOKALIKE", `${name} can be taken for ${known}, which is here already.`, {
    next: "Choose a name that differs more, or ask who runs the registry to allow it.",
    details: { known },
  });
}
