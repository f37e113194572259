import type { PlinthError } from "@plinth/manifests/wire/error.ts";
import type { TrustedFiles } from "./trusted-files.ts";

const DAY = 86_400_000;

/**
 * How far ahead what a registry signs for longer than its timestamp may expire, in milliseconds: several times what a registry takes by default.
 * Whoever steals a key could otherwise sign once for ever, and hold all news back with it.
 */
export const LONGEST: Readonly<Record<"root" | "snapshot", number>> = { root: 1_100 * DAY, snapshot: 366 * DAY };

/**
 * Whether something signed holds now. What is no date holds never.
 *
 * @param isRemote false: it lies on this machine, where nobody else holds news back; it may be valid for longer.
 */
export function lifetimeOf(role: keyof typeof LONGEST, expires: string, now: Date, isRemote: boolean): "holds" | "expired" | "too-long" {
  const left = Date.parse(expires) - now.getTime();
  if (!(left > 0)) return "expired";
  return isRemote && left > LONGEST[role] ? "too-long" : "holds";
}

/** @throws what `expired` gives; PLINTH_TRUST_LIFETIME when it is to hold so long that whoever signed it could hold back all news. */
export function assertHolds(
  role: keyof typeof LONGEST,
  expires: string,
  { files, now, isRemote }: { files: TrustedFiles; now: Date; isRemote: boolean },
  expired: () => PlinthError,
): void {
  const found = lifetimeOf(role, expires, now, isRemote);
  if (found === "expired") throw expired();
  if (found === "holds") return;
  throw files.refused("PLINTH_TRUST_LIFETIME", `its ${role} is to hold until ${expires.slice(0, 40)}, and ${LONGEST[role] / DAY} days are the most`);
}
