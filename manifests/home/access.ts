import { lstatSync, type Stats, statSync } from "node:fs";

/** Bits that let others than the owner write; with access control lists the group bits hold their mask. */
export const OTHERS_WRITE = 0o022;
/** Bits that let others than the owner do anything. */
export const OTHERS = 0o077;
const STICKY = 0o1000;

/** Who may change what lies at a path. `foreign`: somebody else owns it. `open`: others than its owner can write. */
export type Access = "private" | "foreign" | "open";

/** The user whose files these should be; undefined where the system has no user ids. */
export const ownUser = (): number | undefined => process.getuid?.();

/** Root can change everything anyway, so what belongs to root is nobody else's. */
export const isForeign = (stat: Stats, user: number | undefined): boolean => user !== undefined && stat.uid !== user && stat.uid !== 0;

export function accessOf(stat: Stats, user: number | undefined): Access {
  if (user === undefined) return "private";
  if (isForeign(stat, user)) return "foreign";
  // The mode of a link says nothing.
  return !stat.isSymbolicLink() && (stat.mode & OTHERS_WRITE) !== 0 ? "open" : "private";
}

/**
 * Whether others can replace the entries of a folder above the home. In a sticky folder, such as /tmp, they cannot: an
 * entry there is its owner's to rename.
 */
export function parentAccess(stat: Stats, user: number | undefined): Access {
  const access = accessOf(stat, user);
  return access === "open" && stat.isDirectory() && (stat.mode & STICKY) !== 0 ? "private" : access;
}

/** What lies at the path itself, a link included; undefined where there is nothing. */
export const entryAt = (path: string): Stats | undefined => lstatSync(path, { throwIfNoEntry: false });

/** What the path leads to; undefined where that is nothing. */
export function targetOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    // A chain of links that ends nowhere.
    return undefined;
  }
}

/** A mode as `chmod` takes it. */
export const modeText = ({ mode }: Stats): string => (mode & 0o7777).toString(8).padStart(4, "0");
