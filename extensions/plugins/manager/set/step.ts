import type { Learned } from "@plinth/registry";
import type { Entry, Facts } from "../market/registries.ts";
import type { TrustCard } from "../market/trust-card.ts";
import type { LockEntry } from "../world.ts";

/** What a source says of a package that it fetched, besides the package itself. */
export interface Provenance {
  source: string;
  integrity?: string;
  signature?: { keyId: string; signature: string };
  registry?: string;
  /** The registry's root key set, where it signs its state. */
  root?: string;
  log?: number;
}

/** A package on this machine, on its way in. */
export interface Fetched extends Provenance {
  dir: string;
  card: TrustCard;
  /** What an owner's consent to it teaches; undefined: nothing. */
  learned?: Learned;
}

/** One package of a set that is to be installed. */
export interface Step {
  /** Which extension it must be; undefined where only the package itself says so. */
  id?: string;
  /** Whether somebody asked for it, or it came along. */
  asked: boolean;
  /** It is installed, and nobody asks for it anew. */
  update?: boolean;
  /** Who needs it, in words. */
  because: readonly string[];
  from: { fetched: Fetched } | { facts: Facts; entry: Entry } | { spec: string } | { dir: string; provenance: Provenance };
  /** What a lockfile says of it: anything else is refused. */
  locked?: LockEntry;
}

/** One extension of a set, for people: what changes and what it asks for. */
export interface Part {
  id: string;
  version: string;
  title: string;
  source: string;
  asked: boolean;
  because: readonly string[];
  /** The version that is there now. */
  replaces?: string;
  asks: string[];
  /** What is new against the consented version, and what is no longer asked for. */
  widens: string[];
  narrows: string[];
  /** What else an owner should read first. */
  notices: string[];
  /** In words, who vouches for it; null for nobody. */
  signedBy: string | null;
  /** The same and more, for programs. */
  trust: TrustCard;
}

/** What the host is given to install, and what stays behind when it is not. */
export interface Package extends Provenance {
  id: string;
  version: string;
  dir: string;
  digest: string;
  consent: string;
  pinnedBy: LockEntry["pinnedBy"];
  reason: string;
}

/** The lock says nothing of when, in which order or by which road something came: the same set has the same bytes. */
const REASONS = { operator: "asked for", resolver: "needed by what was asked for", catalog: "named by a catalogue" };

/** What an operator asked for once stays theirs; an update asks for nothing anew. */
export function pinOf(
  { asked, update, locked }: Pick<Step, "asked" | "update" | "locked">,
  before: LockEntry | undefined,
): Pick<LockEntry, "pinnedBy" | "reason"> {
  if (locked !== undefined) return { pinnedBy: locked.pinnedBy, reason: locked.reason };
  const pinnedBy = asked && !update ? "operator" : (before?.pinnedBy ?? "resolver");
  return { pinnedBy, reason: REASONS[pinnedBy] };
}
