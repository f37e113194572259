import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Manifest } from "../schema/extension.ts";
import type { CatalogRecord } from "./installed.ts";

/** What is on by default, as the build wrote it into `bundled.json`. */
export interface BundledRecord {
  manifest: Manifest;
  digest: string;
  /** Fields of descriptors that the build left out, because a start has no use for them: the position in `provides`, and the name. */
  later?: readonly (readonly [position: number, field: string])[];
}

/** The product's own extensions: one file made by the build, trusted as the product's code is. */
export async function readBundled(dist: string): Promise<CatalogRecord[]> {
  const { records } = JSON.parse(await readFile(join(dist, "bundled.json"), "utf8")) as { records: BundledRecord[] };
  return records.map(({ manifest, digest, later = [] }) => {
    const dir = join(dist, "extensions", manifest.id);
    for (const [position, field] of later) readWhenAsked(manifest, position, field, join(dir, "plinth.json"));
    return { manifest, digest, dir, bundled: true };
  });
}

/** The field is there, and its value is read from the extension's own manifest when somebody looks at it. */
function readWhenAsked(manifest: Manifest, position: number, field: string, file: string): void {
  let read: { value: unknown } | undefined;
  const get = (): unknown => {
    read ??= { value: descriptorOf(JSON.parse(readFileSync(file, "utf8")) as Manifest, position)?.[field] };
    return read.value;
  };
  Object.defineProperty(descriptorOf(manifest, position), field, { enumerable: true, get });
}

const descriptorOf = (manifest: Manifest, position: number): Record<string, unknown> =>
  manifest.provides?.[position]?.descriptor as Record<string, unknown>;
