import Type from "typebox";
import { defineContract } from "../../define.ts";
import { ErrorInfo } from "../agents/turns.ts";
import { ExtensionStatus, ExtensionUsage, Grant, type KernelSnapshot } from "./state.ts";

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
