import { mkdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Manifest } from "@plinth/sdk";

export interface BuiltProject {
  manifest: Manifest;
  /** An unpacked package, as an installation has it. */
  dir: string;
  size: number;
  files: ReadonlyMap<string, Buffer>;
  tarball: Buffer;
}

/** Build an extension's folder as `plinth pack` does, and lay the package out in a folder. */
export async function buildProject(project: string, into: string, sdk: { sdkDir?: string }): Promise<BuiltProject> {
  const { packExtension, readArchive } = await import("@plinth/registry");
  const { manifest, tarball, size } = await packExtension(project, sdk);
  const files = await readArchive(tarball);
  await rm(into, { recursive: true, force: true });
  for (const [name, bytes] of files) {
    await mkdir(dirname(join(into, name)), { recursive: true });
    await writeFile(join(into, name), bytes);
  }
  return { manifest, dir: into, size, files, tarball };
}
