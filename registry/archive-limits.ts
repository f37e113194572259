/** What an archive may hold at most. Sizes in bytes, unpacked. */
export const ARCHIVE_LIMITS = { entries: 2_000, fileBytes: 16 * 1024 * 1024, totalBytes: 64 * 1024 * 1024 } as const;

export interface ArchiveFile {
  /** Path below the package's root. */
  name: string;
  bytes: Buffer;
}
