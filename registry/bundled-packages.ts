import { readFile } from "node:fs/promises";
import { dirname, join, resolve, sep } from "node:path";
import type { Metafile } from "esbuild";

/** An npm package whose code a bundle holds. */
export interface BundledPackage {
  name: string;
  version: string;
  license?: string;
  /** Bundled packages that it imports, as name@version. */
  uses: string[];
}

export interface BundledPackages {
  packages: BundledPackage[];
  /** What the extension's own source imports, as name@version. */
  uses: string[];
}

interface Identity {
  name: string;
  version: string;
  license?: string;
}

/**
 * Which packages a bundle was made of, by the package.json above each file that left bytes in it. The extension's own
 * files belong to none.
 */
export async function bundledPackages(folder: string, metafile: Metafile): Promise<BundledPackages> {
  const found = new Map<string, Identity & { uses: Set<string> }>();
  const own = new Set<string>();
  const known = new Map<string, Promise<Identity | undefined>>();
  const identityOf = (path: string) => identify(dirname(resolve(folder, path)), folder, known);
  const bundled = new Set(
    Object.values(metafile.outputs).flatMap(({ inputs }) => Object.keys(inputs).filter((path) => inputs[path]!.bytesInOutput > 0)),
  );
  for (const path of bundled) {
    const identity = await identityOf(path);
    if (identity !== undefined) found.set(keyOf(identity), { ...identity, uses: found.get(keyOf(identity))?.uses ?? new Set() });
  }
  for (const path of bundled) {
    const from = await identityOf(path);
    const uses = from === undefined ? own : found.get(keyOf(from))!.uses;
    for (const { path: to, external } of metafile.inputs[path]?.imports ?? []) {
      const identity = external === true ? undefined : await identityOf(to);
      if (identity !== undefined && found.has(keyOf(identity)) && (from === undefined || keyOf(from) !== keyOf(identity))) uses.add(keyOf(identity));
    }
  }
  const packages = [...found.values()].map((one) => ({ ...one, uses: [...one.uses].sort() }));
  return { packages: packages.sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1)), uses: [...own].sort() };
}

const keyOf = ({ name, version }: Identity): string => `${name}@${version}`;

/** The package that a folder belongs to; undefined: the extension itself, or nothing with a name. */
function identify(dir: string, folder: string, known: Map<string, Promise<Identity | undefined>>): Promise<Identity | undefined> {
  const inside = (dir === folder || dir.startsWith(folder + sep)) && !dir.slice(folder.length).split(sep).includes("node_modules");
  if (inside || dirname(dir) === dir) return Promise.resolve(undefined);
  let identity = known.get(dir);
  if (identity === undefined) {
    identity = readIdentity(join(dir, "package.json")).then((read) => read ?? identify(dirname(dir), folder, known));
    known.set(dir, identity);
  }
  return identity;
}

/** undefined: not there, or one of those that only say of which kind the modules are. */
async function readIdentity(path: string): Promise<Identity | undefined> {
  try {
    const { name, version, license } = JSON.parse(await readFile(path, "utf8"));
    if (typeof name !== "string" || typeof version !== "string") return undefined;
    return { name, version, ...(typeof license === "string" ? { license } : {}) };
  } catch {
    return undefined;
  }
}
