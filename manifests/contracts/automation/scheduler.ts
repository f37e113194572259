import Type, { type Static } from "typebox";
import { defineContract, openUnion } from "../../define.ts";
import { ErrorInfo } from "../agents/turns.ts";
import { Origin } from "../content/origin.ts";
import { ContentPart } from "../content/part.ts";

const id = Type.String({ minLength: 1, maxLength: 64 });
const ms = Type.Integer({ minimum: 1_000, maximum: 31_622_400_000 });
const cursor = Type.String({ maxLength: 128 });

/** When a job is due. Times are ms since the epoch. */
export const Schedule = openUnion("kind", [
  Type.Object({ kind: Type.Literal("at"), at: Type.Number() }),
  Type.Object({ kind: Type.Literal("every"), everyMs: ms, from: Type.Optional(Type.Number({ description: "Default: when it was added." })) }),
  Type.Object({
    kind: Type.Literal("cron"),
    cron: Type.String({ maxLength: 256, description: "Five fields, or six with seconds first." }),
    zone: Type.Optional(Type.String({ maxLength: 64, description: "IANA time zone; default: the host's." })),
  }),
]);
export type Schedule = Static<typeof Schedule>;

const settings = {
  title: Type.String({ minLength: 1, maxLength: 200 }),
  schedule: Schedule,
  jitterMs: Type.Optional(Type.Integer({ minimum: 0, maximum: 86_400_000, description: "It is due up to so much later, the same each time." })),
  catchUp: Type.Optional(Type.Enum(["none", "last", "all"], { description: "What was due while nobody ran. Default: last." })),
  say: Type.Array(ContentPart, { minItems: 1, maxItems: 256, description: "What the agent is told." }),
  agent: Type.Optional(Type.String({ maxLength: 128 })),
  session: Type.Optional(
    Type.Object({
      kind: Type.Enum(["main", "isolated", "named"], { description: "isolated: a new one for each run. Default: isolated." }),
      key: Type.Optional(Type.String({ maxLength: 256 })),
    }),
  ),
  model: Type.Optional(Type.String({ maxLength: 256 })),
  tools: Type.Optional(Type.Array(Type.String({ maxLength: 256 }), { maxItems: 256, description: "At most these." })),
  timeoutMs: Type.Optional(ms),
  deliverTo: Type.Optional(Type.String({ maxLength: 1_024, description: "A session, an address, or an https address; absent: nobody is told." })),
  retries: Type.Optional(Type.Integer({ minimum: 0, maximum: 10 })),
  disableAfter: Type.Optional(
    Type.Integer({ minimum: 1, maximum: 100, description: "Failed runs in a row after which it is switched off, with a word." }),
  ),
  once: Type.Optional(Type.Boolean({ description: "It is removed after it ran well." })),
};

export const Job = Type.Object({
  id,
  revision: Type.Integer({ minimum: 1, description: "Rises with each change of what is set." }),
  ...settings,
  enabled: Type.Boolean(),
  why: Type.Optional(Type.String({ maxLength: 500, description: "Why it is off." })),
  owner: Type.String({ maxLength: 256, description: "The extension that added it. The scheduler writes it." }),
  origin: Type.Optional(Origin),
  createdAt: Type.Number(),
  next: Type.Optional(Type.Number({ description: "When it is due; absent: never." })),
  failures: Type.Optional(Type.Integer({ minimum: 0, description: "In a row." })),
});
export type Job = Static<typeof Job>;

export const JobRun = Type.Object({
  id,
  job: id,
  due: Type.Number({ description: "The occurrence. One is run once, whatever breaks and however many hosts there are." }),
  startedAt: Type.Number(),
  endedAt: Type.Optional(Type.Number()),
  status: Type.Enum(["running", "ok", "error", "skipped", "lost"], { description: "lost: its host stopped, and nobody knows what came of it." }),
  by: Type.Enum(["schedule", "hand", "catch-up", "retry"]),
  runId: Type.Optional(Type.String({ maxLength: 64 })),
  sessionKey: Type.Optional(Type.String({ maxLength: 256 })),
  text: Type.Optional(Type.String({ maxLength: 8_192 })),
  error: Type.Optional(ErrorInfo),
  delivery: Type.Optional(Type.Enum(["none", "pending", "sent", "failed", "unknown"])),
});
export type JobRun = Static<typeof JobRun>;

const job = Type.Object({ job: Job });

export const scheduler = defineContract({
  id: "plinth.scheduler",
  version: "1.0.0",
  title: "Scheduler",
  summary: "Runs turns at their time. Jobs outlive the host; each occurrence is run at most once.",
  cardinality: "one",
  selection: "by-id",
  descriptor: Type.Object({ title: Type.String({ maxLength: 200 }) }),
  methods: {
    add: {
      summary: "A job, in whose work it was added. A known id gives the job that there is.",
      input: Type.Object({ id: Type.Optional(id), ...settings, enabled: Type.Optional(Type.Boolean()) }),
      output: Type.Object({ job: Job, fresh: Type.Boolean() }),
      deadlineMs: 5_000,
    },
    update: {
      summary: "Change what is given. `revision` must be that of the job that was read.",
      input: Type.Object({ id, revision: Job.properties.revision, change: Type.Partial(Type.Object({ ...settings, enabled: Type.Boolean() })) }),
      output: job,
      deadlineMs: 5_000,
    },
    remove: {
      summary: "With what it ran. A run that is under way goes on to its end.",
      input: Type.Object({ id }),
      output: Type.Object({ removed: Type.Boolean() }),
      deadlineMs: 5_000,
      idempotent: true,
    },
    get: { summary: "One job.", input: Type.Object({ id }), output: job, deadlineMs: 5_000, idempotent: true },
    list: {
      summary: "What is due first comes first; what is never due comes last.",
      input: Type.Object({
        agent: Type.Optional(Type.String({ maxLength: 128 })),
        owner: Type.Optional(Type.String({ maxLength: 256 })),
        limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000 })),
        cursor: Type.Optional(cursor),
      }),
      output: Type.Object({ jobs: Type.Array(Job), next: Type.Optional(cursor) }),
      deadlineMs: 5_000,
      idempotent: true,
    },
    run: {
      summary: "Now, whatever its schedule, also where it is off. Not twice at a time.",
      input: Type.Object({ id }),
      output: Type.Object({ run: JobRun }),
      deadlineMs: 5_000,
    },
    runs: {
      summary: "The newest first.",
      input: Type.Object({ id, limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000 })), cursor: Type.Optional(cursor) }),
      output: Type.Object({ runs: Type.Array(JobRun), next: Type.Optional(cursor) }),
      deadlineMs: 5_000,
      idempotent: true,
    },
    due: {
      summary: "The next times of a schedule, before anything is added.",
      input: Type.Object({ schedule: Schedule, count: Type.Optional(Type.Integer({ minimum: 1, maximum: 100 })) }),
      output: Type.Object({ times: Type.Array(Type.Number()) }),
      deadlineMs: 5_000,
      idempotent: true,
    },
    follow: {
      summary: "Runs as they begin and end, each as a whole.",
      input: Type.Object({ id: Type.Optional(id) }),
      stream: JobRun,
      deadlineMs: 0,
    },
  },
  errors: {
    PLINTH_JOB_UNKNOWN: "There is no such job.",
    PLINTH_JOB_SCHEDULE: "The schedule says no time: its `cron` or `zone` cannot be read, or lies in the past.",
    PLINTH_JOB_MOVED: "The job changed since it was read.",
    PLINTH_JOB_RUNNING: "It runs already.",
    PLINTH_PERMISSION: "The job is another's.",
  },
});
