import Type, { type Static } from "typebox";
import { defineContract } from "../../define.ts";
import { LockEntry } from "../../schema/lockfile.ts";
import { ErrorInfo } from "../agents/turns.ts";
import { Grant, Pin } from "./state.ts";

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
        pins: Type.Optional(
          Type.Array(Pin, { maxItems: 64, description: "Programs to which it may hand secrets; replaces what was pinned before." }),
        ),
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
