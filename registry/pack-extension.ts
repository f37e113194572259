import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { Manifest } from "@plinth/manifests";
import { prettyJson } from "@plinth/manifests/canonical-json.ts";
import { filesDigest } from "@plinth/manifests/digest.ts";
import { PlinthError } from "@plinth/manifests/wire/error.ts";
import { type Bundle, type BundleOptions, bundleExtension, bundleTogether, isForIsolate } from "./bundle.ts";
import type { BundledPackages } from "./bundled-packages.ts";
import { integrityOf } from "./integrity.ts";
import { assertManifest } from "./manifest-check.ts";
import { packFiles, readPlainFile, readTree } from "./pack.ts";
import { SBOM_FILE, sbomOf } from "./sbom.ts";
import { reason, systemCode } from "./system-error.ts";

export interface PackedExtension {
  manifest: Manifest;
  tarball: Buffer;
  integrity: string;
  /** Of its unpacked files, as a host that has it installed makes it. */
  digest: string;
  /** Bytes of the tarball. */
  size: number;
  /** Names in the package, sorted. */
  files: string[];
  /** Such as demo.weather-1.0.0.tgz. */
  fileName: string;
  /** Absolute paths of the sources that were bundled. */
  sources: string[];
}

const DOCUMENTS = /^(readme|license|licence|notice|changelog)(\.(md|txt))?$/i;

/**
 * Pack an extension's folder: check its manifest, bundle its source into one module, add its documents, `assets/`
 * and a bill of materials.
 * The same folder gives the same bytes.
 *
 * @throws PLINTH_MANIFEST_MISSING, PLINTH_MANIFEST_INVALID, PLINTH_PACK_*, PLINTH_ARCHIVE_*.
 */
export async function packExtension(dir: string, options: BundleOptions = {}): Promise<PackedExtension> {
  const manifest = await readManifest(dir);
  return pack(dir, manifest, () => bundleExtension(dir, manifest, options));
}

/** Several at once: what those share that no isolate runs is read once. `base`: as with `bundleTogether`. */
export async function packExtensions(dirs: readonly string[], base: string, options: BundleOptions = {}): Promise<PackedExtension[]> {
  const all = await Promise.all(dirs.map(async (dir) => ({ dir, manifest: await readManifest(dir) })));
  const together = all.filter(({ manifest }) => manifest.entry !== undefined && !isForIsolate(manifest));
  const bundles = await bundleTogether(
    together.map(({ dir }) => dir),
    base,
    options,
  );
  return Promise.all(
    all.map((one) => pack(one.dir, one.manifest, async () => bundles[together.indexOf(one)] ?? bundleExtension(one.dir, one.manifest, options))),
  );
}

async function pack(dir: string, manifest: Manifest, bundling: () => Promise<Bundle>): Promise<PackedExtension> {
  const files = new Map<string, Uint8Array>();
  for (const name of await readdir(dir)) {
    if (DOCUMENTS.test(name)) files.set(name, await readPlainFile(join(dir, name), name));
  }
  if (existsSync(join(dir, "assets"))) for (const [name, bytes] of await readTree(join(dir, "assets"), "assets/")) files.set(name, bytes);
  const packed = manifest.entry === undefined ? manifest : { ...manifest, entry: "./index.js" };
  let bundled: BundledPackages = { packages: [], uses: [] };
  let sources: string[] = [];
  if (manifest.entry !== undefined) {
    const bundle = await bundling();
    files.set("index.js", Buffer.from(bundle.code));
    ({ bundled, inputs: sources } = bundle);
  }
  files.set(SBOM_FILE, Buffer.from(sbomOf(manifest, bundled)));
  // A path into the author's node_modules means nothing to anybody else.
  const { $schema: _, ...published } = packed;
  files.set("plinth.json", Buffer.from(prettyJson(published)));
  const tarball = await packFiles(files);
  return {
    manifest: published,
    tarball,
    integrity: integrityOf(tarball),
    digest: filesDigest(files),
    size: tarball.length,
    files: [...files.keys()].sort(),
    fileName: `${manifest.id}-${manifest.version}.tgz`,
    sources,
  };
}

/** The checked manifest of an extension's folder. */
export async function readManifest(dir: string): Promise<Manifest> {
  const path = join(dir, "plinth.json");
  let value: unknown;
  try {
    value = JSON.parse((await readPlainFile(path, "plinth.json")).toString("utf8"));
  } catch (error) {
    if (systemCode(error) === "ENOENT" || systemCode(error) === "ENOTDIR") {
      throw new PlinthError("PLINTH_MANIFEST_MISSING", `There is no plinth.json in ${dir}.`, {
        next: "Go to an extension's folder, or make one with `plinth create NAME`.",
      });
    }
    if (!(error instanceof SyntaxError)) throw error;
    throw new PlinthError("PLINTH_MANIFEST_INVALID", `${path} is not JSON: ${reason(error)}.`, { next: "Correct it." });
  }
  return assertManifest(value, path);
}
