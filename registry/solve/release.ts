import type { Manifest } from "@plinth/manifests";
import type { Meter } from "./meter.ts";

/** One version of one extension as the solver sees it: what it is and what it needs. */
export interface Release {
  readonly version: string;
  readonly manifest: Pick<Manifest, "engines" | "extensions" | "uses" | "provides" | "defines">;
}

/** The versions of each contract of the product, one for each major that it serves, newest first. */
export type ProductContracts = ReadonlyMap<string, readonly string[]>;

export interface SolveInput {
  /** The host's version. */
  readonly host: string;
  readonly contracts: ProductContracts;
  /** What is there and never changes: the product's own extensions. */
  readonly fixed: ReadonlyMap<string, Release>;
  /** What is asked for: a semver range by id, with whoever says so. */
  readonly wanted: readonly { id: string; range: string; by: string }[];
  /** Versions to keep where nothing speaks against it, such as the lockfile's. */
  readonly preferred: ReadonlyMap<string, string>;
  /** Every version that could be had, in any order; [] = nobody knows the id. Asked once for each id. */
  releases(id: string): Promise<readonly Release[]>;
  /** Why a version must not be chosen now (yanked, too young, another publisher's); null = it may. */
  refuses?(id: string, version: string): string | null;
  /** Where what it costs is counted. */
  meter?: Meter;
}

export interface Chosen {
  readonly release: Release;
  /** Who needs it, in words; sorted. */
  readonly because: readonly string[];
}

/** Who narrowed the choice of an extension: `by` is an id, or null for whoever asked. */
export interface Constraint {
  readonly range: string;
  readonly by: string | null;
  readonly said: string;
}
