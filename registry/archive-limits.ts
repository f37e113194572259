/**
 * What an archive may hold at most. Sizes in bytes, unpacked. `entries` counts what it says and what unpacking makes: its
 * files, and every folder that has to be there for them. `depth` is how many folders one may lie in.
 */
export const ARCHIVE_LIMITS = { entries: 2_000, depth: 24, fileBytes: 16 * 1024 * 1024, totalBytes: 64 * 1024 * 1024 } as const;

export interface ArchiveFile {
  /** Path below the package's root. */
  name: string;
  bytes: Buffer;
}
