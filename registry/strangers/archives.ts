import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Manifest } from "@plinth/manifests";
import { roomFor } from "@plinth/manifests/strangers/rooms.ts";
import type { Finding } from "../scan/index.ts";
import type { Unpacked } from "./archive-tasks.ts";

interface Options {
  signal?: AbortSignal;
  /** Begins a sentence and says whose it is; default: the archive's path, or `An archive`. */
  about?: string;
}

interface UnpackOptions extends Options {
  /** sha512 that the archive has to have. */
  integrity?: string;
}

/**
 * Unpack a package into an empty folder, in the thread for strangers' data. Anything but plain files and folders with
 * harmless names is refused while reading; after a refusal, a cancel or a bound that was met the folder is empty again.
 *
 * @param source a tarball's path, or the bytes of a tarball or zip file.
 * @throws PLINTH_ARCHIVE_*, PLINTH_INTEGRITY, PLINTH_DATA_*.
 */
export async function extractArchive(source: string | Uint8Array, into: string, { signal, about, integrity }: UnpackOptions = {}): Promise<Unpacked> {
  const name = about ?? (typeof source === "string" ? `The archive ${source}` : "An archive");
  const job = { task: "unpack", input: { source, into, integrity }, owner: name, about: name, signal };
  return roomFor("packages")
    .run<Unpacked>(job)
    .catch(async (thrown: unknown) => {
      const { code } = thrown as { code?: unknown };
      // The thread empties the folder itself as long as it lives, and leaves alone what is not its own.
      if (code !== "PLINTH_ARCHIVE_TARGET" && !String(code).startsWith("PLINTH_ARCHIVE_")) {
        for (const child of await readdir(into).catch(() => [])) await rm(join(into, child), { recursive: true, force: true });
      }
      throw thrown;
    });
}

/** The sha512 of bytes that may be many, as `sha512-` and base64. */
export function integrityInRoom(bytes: Uint8Array, about: string, signal?: AbortSignal): Promise<string> {
  return roomFor("packages").run<string>({ task: "integrity", input: { bytes }, owner: about, about, signal });
}

/** What there is to say about a package that lies in a folder, the gravest first; told without running any of it. */
export async function scanFolder(dir: string, manifest: Manifest, { signal }: Pick<Options, "signal"> = {}): Promise<Finding[]> {
  const about = `The code of ${manifest.id} ${manifest.version}`;
  return roomFor("packages").run<Finding[]>({ task: "scan", input: { dir, manifest }, owner: manifest.id, about, signal });
}
