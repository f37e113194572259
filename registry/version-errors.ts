import type { PackageIndex, PackageVersion } from "@plinth/manifests";
import { visible } from "@plinth/manifests/plain-text.ts";
import { PlinthError } from "@plinth/manifests/wire/error.ts";

export function unknownVersion(index: PackageIndex, range: string): PlinthError {
  // They are in order, lowest first.
  const offered = index.versions.filter(({ yanked }) => yanked === undefined).slice(-5);
  const newest = offered.map(({ version }) => version).reverse();
  return new PlinthError("PLINTH_VERSION_UNKNOWN", `No version of ${index.id} fits ${JSON.stringify(range.slice(0, 120))}.`, {
    next: newest.length > 0 ? `There is ${newest.join(", ")}.` : "No version is offered any more.",
    details: { versions: newest },
  });
}

export function withdrawnVersion(id: string, { version, yanked = "" }: Pick<PackageVersion, "version" | "yanked">): PlinthError {
  return new PlinthError("PLINTH_VERSION_YANKED", `${id} ${version} was withdrawn: ${visible(yanked, { max: 300 })}.`, {
    next: "Choose another version.",
  });
}
