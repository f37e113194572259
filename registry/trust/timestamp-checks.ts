import type { Timestamp } from "./registry-state.ts";
import type { TrustState } from "./trust-memory.ts";
import type { TrustedFiles } from "./trusted-files.ts";

/** @throws PLINTH_TRUST_ROLLBACK when a number has fallen. */
export function assertNoRollback(timestamp: Timestamp, last: TrustState | undefined, files: TrustedFiles): void {
  const older = (what: string, found: number, known: number) =>
    files.refused("PLINTH_TRUST_ROLLBACK", `its ${what} is number ${found}, after ${known} was seen here`);
  if (timestamp.version < (last?.timestamp ?? 0)) throw older("timestamp", timestamp.version, last!.timestamp);
  if (timestamp.snapshot.version < (last?.snapshot ?? 0)) throw older("snapshot", timestamp.snapshot.version, last!.snapshot);
}

/**
 * @param longest how far ahead a timestamp's end may lie, in milliseconds; undefined: any length.
 * @throws PLINTH_TRUST_FROZEN, PLINTH_TRUST_LIFETIME.
 */
export function assertTimely({ expires }: Timestamp, now: Date, longest: number | undefined, files: TrustedFiles): void {
  const left = Date.parse(expires) - now.getTime();
  // What is no date holds never.
  if (!(left > 0)) throw files.refused("PLINTH_TRUST_FROZEN", `its newest state was valid until ${expires} and has not been renewed`);
  if (longest !== undefined && left > longest) {
    throw files.refused("PLINTH_TRUST_LIFETIME", `its newest state says that it is valid until ${expires}: news could be held back until then`);
  }
}
