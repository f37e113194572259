import Type, { type Static } from "typebox";
import { defineContract } from "../define.ts";
import type { Config } from "../schema/config.ts";
import { Budgets, type Manifest, type Permissions, type Tier } from "../schema/extension.ts";
import { LockEntry, type Lockfile } from "../schema/lockfile.ts";
import { ErrorInfo } from "./turns.ts";

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
  records: { manifest: Manifest; digest: string; bundled: boolean; dir?: string }[];
  tiers: ReadonlyMap<string, Tier>;
  blocked: ReadonlyMap<string, ErrorInfo>;
  disabled: ReadonlySet<string>;
  reasons: ReadonlyMap<string, readonly string[]>;
  capabilities: ReadonlyMap<string, ReadonlyMap<string, { extension: string }>>;
  hooks: HookSnapshot[];
  instances: ReadonlyMap<string, InstanceSnapshot>;
  faults: ReadonlyMap<string, Fault & { digest: string }>;
  lock: Lockfile;
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
  bundled: Type.Boolean(),
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

/** Provided by the kernel itself: its state as data. `plinth.host` makes answers for people from it. */
export const kernel = defineContract({
  id: "plinth.kernel",
  version: "1.0.0",
  title: "Kernel",
  summary: "The kernel's state as data: records, plan, instances, faults. Provided by the kernel to the host tier.",
  cardinality: "one",
  selection: "by-id",
  descriptor: Type.Object({ title: Type.String() }),
  methods: {
    snapshot: {
      summary: "Everything that is known now, by reference: treat it as read-only.",
      input: Type.Object({}),
      output: Type.Unsafe<KernelSnapshot>({}),
      deadlineMs: 5_000,
      idempotent: true,
    },
    blocked: {
      summary: "Count a block of the event loop for the extension that was found to have caused it.",
      input: Type.Object({ extension: Type.String(), ms: Type.Number({ minimum: 0 }) }),
      output: Type.Object({}),
      deadlineMs: 5_000,
    },
  },
});

/** Answers from the kernel's state: what the host is doing. No extension code is loaded to answer. */
export const host = defineContract({
  id: "plinth.host",
  version: "1.0.0",
  title: "Host",
  summary: "What the host knows about itself: extensions, reasons, hooks, boot times.",
  cardinality: "one",
  selection: "by-id",
  descriptor: Type.Object({ title: Type.String() }),
  methods: {
    status: {
      summary: "The host and each extension.",
      input: Type.Object({}),
      output: Type.Object({
        version: Type.String(),
        node: Type.String(),
        pid: Type.Integer(),
        home: Type.String(),
        generation: Type.Integer(),
        draining: Type.Array(Type.Integer()),
        safeMode: Type.Boolean(),
        uptimeMs: Type.Number(),
        memory: Type.Object({ rss: Type.Integer({ description: "Bytes." }) }),
        extensions: Type.Array(ExtensionStatus),
        problems: Type.Array(ErrorInfo),
      }),
      deadlineMs: 5_000,
      idempotent: true,
    },
    describe: {
      summary: "One extension: its manifest, its lock entry, its grant, what holds it in its tier.",
      input: Type.Object({ id: Type.String() }),
      output: Type.Object({
        status: ExtensionStatus,
        manifest: Type.Unknown(),
        lock: Type.Optional(Type.Unknown()),
        grant: Type.Optional(Type.Unknown()),
        enforcement: Type.Object({ level: Type.Enum(["full", "partial", "none"]), detail: Type.Array(Type.String()) }),
        usage: Type.Optional(ExtensionUsage),
        missing: Type.Optional(
          Type.Object(
            { env: Type.Array(Type.String()), secrets: Type.Array(Type.String()) },
            { description: "Names that it may use and that are not set." },
          ),
        ),
        dir: Type.Optional(Type.String({ description: "Where its unpacked package lies." })),
      }),
      deadlineMs: 5_000,
      idempotent: true,
    },
    usage: {
      summary: "What the host and each extension do and cost now.",
      input: Type.Object({}),
      output: Type.Object({
        at: Type.Number({ description: "Milliseconds since the epoch." }),
        pid: Type.Integer(),
        uptimeMs: Type.Number(),
        generation: Type.Integer(),
        draining: Type.Array(Type.Integer()),
        safeMode: Type.Boolean(),
        memory: Type.Object({ rss: Type.Integer(), heapUsed: Type.Integer() }),
        cpuMs: Type.Number({ description: "Of the host's own process since it started." }),
        eventLoop: Type.Object(
          { meanMs: Type.Number(), p99Ms: Type.Number(), maxMs: Type.Number() },
          { description: "How late the host's timers were in the last second that was measured." },
        ),
        extensions: Type.Array(ExtensionUsage),
      }),
      deadlineMs: 5_000,
      idempotent: true,
    },
    grants: {
      summary: "Every grant that is in force, by extension.",
      input: Type.Object({}),
      output: Type.Object({ grants: Type.Record(Type.String(), Grant) }),
      deadlineMs: 5_000,
      idempotent: true,
    },
    explain: {
      summary: "Why an extension, a contract or a capability is what it is in the current plan.",
      input: Type.Object({ id: Type.String() }),
      output: Type.Object({ reasons: Type.Array(Type.String()) }),
      deadlineMs: 5_000,
      idempotent: true,
    },
    hooks: {
      summary: "Each hook with its subscribers in the order in which they run.",
      input: Type.Object({}),
      output: Type.Object({
        hooks: Type.Array(
          Type.Object({
            hook: Type.String(),
            contract: Type.String(),
            mode: Type.String(),
            failure: Type.String(),
            subscribers: Type.Array(Type.Object({ extension: Type.String(), stage: Type.String(), calls: Type.Integer(), errors: Type.Integer() })),
          }),
        ),
      }),
      deadlineMs: 5_000,
      idempotent: true,
    },
    report: {
      summary: "The time tree of the boot, in milliseconds since the process started.",
      input: Type.Object({}),
      output: Type.Object({
        steps: Type.Array(Type.Object({ name: Type.String(), startMs: Type.Number(), durationMs: Type.Number(), depth: Type.Integer() })),
        modules: Type.Array(Type.String(), { description: "Extensions whose code is loaded." }),
      }),
      deadlineMs: 5_000,
      idempotent: true,
    },
    configGet: {
      summary: "The configuration as it is in force, secrets never resolved.",
      input: Type.Object({ path: Type.Optional(Type.String({ description: 'Such as extensions["acme.x"].config.port.' })) }),
      output: Type.Object({ value: Type.Unknown(), file: Type.String() }),
      deadlineMs: 5_000,
      idempotent: true,
    },
  },
  hooks: {
    "generation.ready": {
      summary: "A new generation is current: something was installed, removed, enabled or configured.",
      mode: "observe",
      payload: Type.Object({
        generation: Type.Integer(),
        added: Type.Array(Type.String({ description: "Extension ids, new or changed." })),
        removed: Type.Array(Type.String()),
      }),
      deadlineMs: 10_000,
      failure: "open",
    },
  },
});

export const Consent = Type.Object({
  hash: Type.String({ description: "What a yes is bound to: bundle, permissions, provides, uses, hooks, edges." }),
  granted: Type.Boolean({ description: "An owner has consented to exactly this already." }),
  asks: Type.Array(Type.String(), { description: "In words: everything it may do." }),
  widens: Type.Array(Type.String(), { description: "In words: what is new against the consented version." }),
});
export type Consent = Static<typeof Consent>;

export const Candidate = Type.Object({
  id: Type.String(),
  version: Type.String(),
  digest: Type.String({ description: "Tree digest, sha512 hex." }),
  manifest: Type.Unknown(),
  consent: Consent,
  replaces: Type.Optional(Type.String({ description: "The version installed now." })),
  kept: Type.Optional(Type.Array(Type.String(), { description: "For whom data under this id is kept: a key, or where it came from." })),
});
export type Candidate = Static<typeof Candidate>;

const { version: _version, ...provenance } = LockEntry.properties;

export const PackageToInstall = Type.Object({
  ...provenance,
  dir: Type.String(),
  digest: Type.String({ description: "As inspected; a changed byte refuses." }),
  consent: Type.String({ description: "Consent.hash as shown to the owner." }),
});
export type PackageToInstall = Static<typeof PackageToInstall>;

/** Provided by the kernel to first-party and operator-trusted extensions: changes of the plan. */
export const hostAdmin = defineContract({
  id: "plinth.host-admin",
  version: "1.0.0",
  title: "Host administration",
  summary: "Changes what is installed, enabled, granted and configured. Provided by the kernel; each change is a generation.",
  cardinality: "one",
  selection: "by-id",
  descriptor: Type.Object({ title: Type.String() }),
  methods: {
    inspect: {
      summary: "Check an unpacked package: manifest, digest, the resolved whole, what it asks for. Changes nothing.",
      input: Type.Object({ dir: Type.String({ description: "Absolute path." }) }),
      output: Candidate,
      deadlineMs: 30_000,
    },
    inspectSet: {
      summary: "Check unpacked packages that are to be installed together: what one needs, another one may bring.",
      input: Type.Object({ dirs: Type.Array(Type.String(), { minItems: 1, maxItems: 256 }) }),
      output: Type.Object({ candidates: Type.Array(Candidate, { description: "In the order of `dirs`." }) }),
      deadlineMs: 60_000,
    },
    install: {
      summary:
        "Dry-load in a process of its own, commit to store, index, lock and grants, swap the generation, check health; roll back on any failure.",
      input: PackageToInstall,
      output: Type.Object({ id: Type.String(), version: Type.String(), generation: Type.Integer() }),
      deadlineMs: 60_000,
    },
    installSet: {
      summary: "The same for several packages in one generation: all of them are installed, or none.",
      input: Type.Object({ packages: Type.Array(PackageToInstall, { minItems: 1, maxItems: 256 }) }),
      output: Type.Object({
        installed: Type.Array(Type.Object({ id: Type.String(), version: Type.String() })),
        generation: Type.Integer(),
      }),
      deadlineMs: 300_000,
    },
    uninstall: {
      summary: "Remove an installed extension with its grant and, unless `keepData`, its stored data.",
      input: Type.Object({ id: Type.String(), keepData: Type.Optional(Type.Boolean()) }),
      output: Type.Object({ generation: Type.Integer() }),
      deadlineMs: 60_000,
    },
    enable: {
      summary: "Enable or disable; enabling lifts a quarantine.",
      input: Type.Object({ id: Type.String(), enabled: Type.Boolean() }),
      output: Type.Object({ generation: Type.Integer() }),
      deadlineMs: 60_000,
    },
    grant: {
      summary:
        "Narrow the grant of an installed extension to a scope, or let it end at a time; null takes either away. Never widens what was consented to.",
      input: Type.Object({
        id: Type.String(),
        scope: Type.Optional(Type.Union([Type.Record(Type.String(), Type.String()), Type.Null()])),
        expiresAt: Type.Optional(Type.Union([Type.Number(), Type.Null()])),
        chosen: Type.Optional(Type.Array(Type.String(), { description: "Contracts for which the owner chose it; replaces what was chosen before." })),
      }),
      output: Grant,
      deadlineMs: 60_000,
    },
    revoke: {
      summary: "Take the grant away. What runs of the extension is ended at once; it stays installed and waits for consent.",
      input: Type.Object({ id: Type.String() }),
      output: Type.Object({ generation: Type.Integer() }),
      deadlineMs: 60_000,
    },
    importGrants: {
      summary:
        "Put grants in force that were exported from a host, for what is installed here with exactly the consented digest; others are told back.",
      input: Type.Object({ grants: Type.Record(Type.String(), Grant) }),
      output: Type.Object({ imported: Type.Array(Type.String()), skipped: Type.Array(Type.Object({ id: Type.String(), why: Type.String() })) }),
      deadlineMs: 60_000,
    },
    configSet: {
      summary: "Set or (without a value) remove one path of the configuration file, comments kept; applies at once.",
      input: Type.Object({
        path: Type.String(),
        value: Type.Optional(Type.Unknown()),
        force: Type.Optional(
          Type.Boolean({
            description: "Also what leaves out a running extension or names what is not here; never what does not fit or ends the host.",
          }),
        ),
      }),
      output: Type.Object({ generation: Type.Integer() }),
      deadlineMs: 60_000,
    },
    configUndo: {
      summary: "Put a configuration that was in force before back into the file, comments and all; applies at once.",
      input: Type.Object({
        number: Type.Optional(Type.Integer({ description: "Which one; default: the one before the file as it is." })),
        force: Type.Optional(Type.Boolean()),
      }),
      output: Type.Object({ number: Type.Integer(), generation: Type.Integer() }),
      deadlineMs: 60_000,
    },
    configVersions: {
      summary: "The configurations that are kept, newest first, and the file as it is.",
      input: Type.Object({}),
      output: Type.Object({
        file: Type.String(),
        text: Type.String({ description: "Of the file now, whether or not it is in force." }),
        undo: Type.Optional(Type.Integer({ description: "Which one an undo would bring back; absent: none." })),
        kept: Type.Array(
          Type.Object({
            number: Type.Integer(),
            at: Type.Number({ description: "Milliseconds since the epoch." }),
            text: Type.String(),
            as: Type.Optional(Type.Integer({ description: "It is this one again: an undo brought it back." })),
          }),
        ),
      }),
      deadlineMs: 5_000,
      idempotent: true,
    },
    configCheck: {
      summary: "What is wrong with the configuration file as it is now, whatever is in force.",
      input: Type.Object({}),
      output: Type.Object({ file: Type.String(), problems: Type.Array(ErrorInfo) }),
      deadlineMs: 30_000,
      idempotent: true,
    },
    stop: {
      summary: "Stop the whole host in good order.",
      input: Type.Object({ reason: Type.String() }),
      output: Type.Object({}),
      deadlineMs: 5_000,
    },
  },
});
