import Type, { type Static } from "typebox";
import type { Config } from "../../schema/config.ts";
import { Budgets, type Manifest, type Permissions, type Tier } from "../../schema/extension.ts";
import type { Lockfile } from "../../schema/lockfile.ts";
import { ErrorInfo } from "../agents/turns.ts";

/**
 * A program as it was when an owner pinned it, and which of the extension's secrets it may be given in which variable:
 * `KEY` in one of the same name, `KEY=VARIABLE` in another. In a variable of the extension's choice it would show them.
 */
export const Pin = Type.Object({
  program: Type.String({ pattern: "^/", maxLength: 4_096, description: "Its path." }),
  sha256: Type.String({ pattern: "^[0-9a-f]{64}$", description: "Of its bytes; with others it gets no secret." }),
  secrets: Type.Array(Type.String({ pattern: "^[A-Z][A-Z0-9_]*(=[A-Za-z_][A-Za-z0-9_]*)?$", maxLength: 256 }), { minItems: 1, maxItems: 64 }),
});
export type Pin = Static<typeof Pin>;

/** What an owner allowed one extension, bound to exactly what was shown. */
export const Grant = Type.Object({
  consent: Type.String({ description: "consentHash of the manifest and the package's digest." }),
  digest: Type.String(),
  version: Type.String(),
  at: Type.Number({ description: "Milliseconds since the epoch." }),
  by: Type.String({ description: "Where the owner's identity was proven." }),
  permissions: Type.Unsafe<Permissions>({}),
  asks: Type.Array(Type.String(), { description: "Everything that was asked for, in words." }),
  scope: Type.Optional(
    Type.Record(Type.String({ pattern: "^[a-z][a-z0-9-]{0,31}$" }), Type.String({ maxLength: 256 }), {
      description: "Holds only in work whose scope has these values, such as { session: main }. Absent = everywhere.",
    }),
  ),
  expiresAt: Type.Optional(Type.Number({ description: "Milliseconds since the epoch; absent = until it is revoked." })),
  chosen: Type.Optional(Type.Array(Type.String(), { description: "Contracts for which an owner chose it as a provider." })),
  pins: Type.Optional(Type.Array(Pin, { maxItems: 64, description: "Programs to which it may hand secrets." })),
});
export type Grant = Static<typeof Grant>;

/** One planned hook with its subscribers in order. */
export interface HookSnapshot {
  hook: string;
  contract: string;
  mode: string;
  failure: string;
  subscribers: { extension: string; stage: string; calls: number; errors: number }[];
}

/** What one instance did and costs. Times in milliseconds. */
export interface InstanceSnapshot {
  active: boolean;
  inFlight: number;
  counts: {
    calls: number;
    errors: number;
    refused: number;
    activations: number;
    activateMs: number;
    /** How long it held up the host's event loop, and the longest of these. */
    blockedMs: number;
    longestBlockMs: number;
    egressBytes: number;
  };
  usage: { cpuMs: number; memoryBytes: number; pid: number | null; hostMs?: number } | null;
  /** The last failure of a call or hook of it. */
  lastError?: { readonly code: string; readonly message: string } | null;
  /** Open: it failed several times in a row and is left alone for a short time. */
  breaker?: { readonly open: boolean };
}

export interface KernelSnapshot {
  version: string;
  home: string;
  configFile: string;
  config: Config;
  generation: number;
  draining: number[];
  safeMode: boolean;
  problems: ErrorInfo[];
  records: { manifest: Manifest; digest: string; bundled: boolean; own?: boolean; dir?: string }[];
  tiers: ReadonlyMap<string, Tier>;
  blocked: ReadonlyMap<string, ErrorInfo>;
  disabled: ReadonlySet<string>;
  reasons: ReadonlyMap<string, readonly string[]>;
  capabilities: ReadonlyMap<string, ReadonlyMap<string, { extension: string }>>;
  hooks: HookSnapshot[];
  instances: ReadonlyMap<string, InstanceSnapshot>;
  faults: ReadonlyMap<string, Fault & { digest: string }>;
  lock: Lockfile;
  /** Of each of the product's own packages, installed or not, the digest that only it has. */
  packages: Readonly<Record<string, string>>;
  grants: ReadonlyMap<string, Grant>;
  steps: { name: string; startMs: number; durationMs: number; depth: number }[];
  /** Whether a secret of this name is set, never its value. */
  secretExists?: (name: string) => Promise<boolean>;
}

export const Fault = Type.Object({
  ...ErrorInfo.properties,
  phase: Type.String({ description: "Where it failed: manifest, resolve, load, activate, call, hook, exit …" }),
  at: Type.Number(),
  count: Type.Integer(),
  retryAt: Type.Optional(Type.Number({ description: "When it is tried again by itself; absent = not before an owner acts." })),
});
export type Fault = Static<typeof Fault>;

export const ExtensionStatus = Type.Object({
  id: Type.String(),
  version: Type.String(),
  title: Type.String(),
  bundled: Type.Boolean({ description: "On by default, as a part of the product." }),
  own: Type.Optional(Type.Boolean({ description: "Installed from the product's own packages." })),
  tier: Type.Enum(["host", "isolate", "process"]),
  state: Type.Enum(["ready", "active", "disabled", "blocked", "quarantined"]),
  fault: Type.Optional(Fault),
  provides: Type.Array(Type.Object({ contract: Type.String(), id: Type.String() })),
  counts: Type.Optional(Type.Object({ calls: Type.Integer(), errors: Type.Integer(), activations: Type.Integer(), activateMs: Type.Number() })),
});
export type ExtensionStatus = Static<typeof ExtensionStatus>;

/** What one extension does and costs now. Counts only grow; who wants rates asks twice. */
export const ExtensionUsage = Type.Object({
  id: Type.String(),
  tier: Type.Enum(["host", "isolate", "process"]),
  state: Type.Enum(["ready", "active", "disabled", "blocked", "quarantined"]),
  bundled: Type.Boolean(),
  inFlight: Type.Integer({ description: "Calls in it now." }),
  counts: Type.Object({
    calls: Type.Integer(),
    errors: Type.Integer(),
    refused: Type.Integer({ description: "Calls that never reached it: budgets, breaker, grant." }),
    activations: Type.Integer(),
    activateMs: Type.Number(),
    blockedMs: Type.Number({ description: "How long it held up the host's event loop." }),
    longestBlockMs: Type.Number(),
    egressBytes: Type.Number(),
  }),
  process: Type.Optional(
    Type.Object({
      pid: Type.Union([Type.Integer(), Type.Null()]),
      cpuMs: Type.Number(),
      memoryBytes: Type.Number(),
      hostMs: Type.Optional(
        Type.Number({ description: "The host's own processor time that went into it: reading what it sends, answering what it asks." }),
      ),
      shared: Type.Boolean({ description: "Others of its publisher live in the same process." }),
    }),
  ),
  budgets: Budgets,
  breakerOpen: Type.Boolean(),
  fault: Type.Optional(Fault),
});
export type ExtensionUsage = Static<typeof ExtensionUsage>;
