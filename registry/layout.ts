import { PlinthError } from "@plinth/manifests/wire/error.ts";

const ID = /^([a-z][a-z0-9-]{0,38})\.([a-z][a-z0-9-]{0,62})$/;
const VERSION = /^[0-9A-Za-z.+-]{1,64}$/;

/** Where things lie below a registry's root, in a folder and on a server alike. */
export const ROOT_FILE = "registry.json";
export const SEARCH_FILE = "search.json";
export const LOCK_FILE = ".publish.lock";

export const isPackageId = (id: string): boolean => ID.test(id);

/** @throws PLINTH_PACKAGE_NAME when `id` is not publisher.name; what passes is safe in a path. */
export function splitId(id: string): { publisher: string; name: string } {
  const match = ID.exec(id);
  if (match === null) {
    throw new PlinthError("PLINTH_PACKAGE_NAME", `${JSON.stringify(id.slice(0, 120))} is not a package's id.`, {
      next: "Ids are publisher.name in lower case, such as demo.weather.",
    });
  }
  return { publisher: match[1]!, name: match[2]! };
}

/** Two characters that no id holds would be needed to leave the folder; none is let in. */
export function indexPath(id: string): string {
  const { publisher, name } = splitId(id);
  return `packages/${publisher}/${name}.json`;
}

export function tarballPath(id: string, version: string): string {
  const { publisher, name } = splitId(id);
  if (!VERSION.test(version) || version.includes("..")) {
    throw new PlinthError("PLINTH_PACKAGE_NAME", `${JSON.stringify(version.slice(0, 80))} is not a version.`, {
      next: "Use a semver version.",
    });
  }
  return `blobs/${publisher}/${name}/${name}-${version}.tgz`;
}

/** Whether a path from a registry's document stays below the registry's root. */
export function isSafePath(path: string): boolean {
  return (
    path.length <= 256 && /^[A-Za-z0-9][A-Za-z0-9._+/-]*$/.test(path) && path.split("/").every((part) => part !== "" && part !== "." && part !== "..")
  );
}
