import { writeAtomic } from "@plinth/manifests/home/atomic-file.ts";

/** Write a file of a registry, whole or not at all: everybody may read what is published. */
export const writePublic = (path: string, bytes: Uint8Array | string): Promise<void> => writeAtomic(path, bytes, { mode: 0o644, folderMode: 0o755 });
