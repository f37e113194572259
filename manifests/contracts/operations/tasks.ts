import Type, { type Static } from "typebox";
import { defineContract, openUnion } from "../../define.ts";
import { ErrorInfo } from "../agents/turns.ts";
import { Origin } from "../content/origin.ts";
import { ContentPart } from "../content/part.ts";

const id = Type.String({
  minLength: 1,
  maxLength: 256,
  description: "Another publisher's begins with that extension's id for whoever else sees it.",
});
const own = Type.String({ minLength: 1, maxLength: 128 });
const revision = Type.Integer({ minimum: 1, description: "Rises with each change; a change that names an older one is refused." });

/** Work that goes on while nobody waits for it: a sub-agent, an external harness, a scheduled run. */
export const Task = Type.Object({
  id,
  revision,
  kind: Type.String({ maxLength: 80, description: "Such as `subagent`, `harness`, `cron`." }),
  title: Type.String({ maxLength: 200 }),
  status: Type.Enum(["queued", "running", "waiting", "done", "failed", "cancelled", "lost"], {
    description: "done, failed, cancelled and lost never change again. lost: its claim expired and nobody knows what came of it.",
  }),
  owner: Type.String({ description: "The extension that runs it. The ledger writes it." }),
  origin: Type.Optional(Origin),
  parent: Type.Optional(id),
  sessionKey: Type.Optional(Type.String({ maxLength: 256 })),
  runId: Type.Optional(Type.String({ maxLength: 64 })),
  createdAt: Type.Number(),
  updatedAt: Type.Number(),
  progress: Type.Optional(
    Type.Object({ text: Type.Optional(Type.String({ maxLength: 500 })), percent: Type.Optional(Type.Number({ minimum: 0, maximum: 100 })) }),
  ),
  result: Type.Optional(Type.Array(ContentPart)),
  error: Type.Optional(ErrorInfo),
  cancel: Type.Optional(
    Type.Object(
      { at: Type.Number(), by: Type.String({ maxLength: 256 }), why: Type.Optional(Type.String({ maxLength: 200 })) },
      { description: "Somebody asked for it to be cancelled. It stays: what was asked is not taken back, and it begins no children any more." },
    ),
  ),
  delivery: Type.Optional(
    Type.Object({
      to: Type.String({ maxLength: 1_024, description: "The session or address that is told of its end." }),
      status: Type.Enum(["pending", "sent", "suppressed", "failed", "unknown"]),
    }),
  ),
});
export type Task = Static<typeof Task>;

/** What changed, in order, for whoever looks into it afterwards. */
export const TaskChange = openUnion("type", [
  Type.Object({
    type: Type.Literal("status"),
    status: Task.properties.status,
    at: Type.Number(),
    by: Type.String(),
    why: Type.Optional(Type.String()),
  }),
  Type.Object({ type: Type.Literal("delivery"), status: Type.String(), at: Type.Number(), by: Type.String() }),
  Type.Object({ type: Type.Literal("cancel"), at: Type.Number(), by: Type.String(), why: Type.Optional(Type.String()) }),
]);
export type TaskChange = Static<typeof TaskChange>;

export const tasks = defineContract({
  id: "plinth.tasks",
  version: "1.0.0",
  title: "Tasks",
  summary:
    "The ledger of detached work: what runs, whose it is, what came of it, and who was told. It runs nothing itself. A task belongs to a claim that expires, as a session does: what its runner lost becomes `lost` and is not begun again by itself.",
  cardinality: "one",
  selection: "by-id",
  descriptor: Type.Object({ title: Type.String(), durable: Type.Boolean() }),
  methods: {
    create: {
      summary: "Note a task. A known id gives the task that there is: one idempotency key, one task. What nobody claims within five minutes is lost.",
      input: Type.Object({
        id: own,
        kind: Task.properties.kind,
        title: Task.properties.title,
        parent: Task.properties.parent,
        sessionKey: Task.properties.sessionKey,
        runId: Task.properties.runId,
        deliverTo: Type.Optional(Type.String({ maxLength: 1_024 })),
      }),
      output: Type.Object({ task: Task, fresh: Type.Boolean() }),
      deadlineMs: 5_000,
      idempotent: true,
    },
    claim: {
      summary: "Run it: held until the claim expires. Claimed again with its fence, it is held for longer, and neither fence nor revision rises.",
      input: Type.Object({ id, ttlMs: Type.Integer({ minimum: 1_000, maximum: 600_000 }), fence: Type.Optional(Type.Integer({ minimum: 1 })) }),
      output: Type.Object({ task: Task, fence: Type.Integer({ minimum: 1 }), expiresAt: Type.Number() }),
      deadlineMs: 5_000,
    },
    update: {
      summary: "Change it, by its runner. `fence` must be that of the claim, `revision` that of the task that was read.",
      input: Type.Object({
        id,
        fence: Type.Integer({ minimum: 1 }),
        revision,
        status: Type.Optional(Type.Enum(["running", "waiting", "done", "failed", "cancelled"])),
        progress: Task.properties.progress,
        result: Task.properties.result,
        error: Task.properties.error,
      }),
      output: Type.Object({ task: Task }),
      deadlineMs: 5_000,
    },
    cancel: {
      summary:
        "Ask for it to be cancelled, with all that it began. What nobody holds is cancelled at once; the runner of anything else is told through `follow`. false: it is over.",
      input: Type.Object({ id, why: Type.Optional(Type.String({ maxLength: 200 })) }),
      output: Type.Object({ asked: Type.Boolean() }),
      deadlineMs: 5_000,
      idempotent: true,
    },
    delivered: {
      summary: "Note what came of telling whoever waits. `unknown` stays: nothing is sent twice because nobody knows whether it was.",
      input: Type.Object({ id, status: Type.Enum(["sent", "suppressed", "failed", "unknown"]) }),
      output: Type.Object({ task: Task }),
      deadlineMs: 5_000,
      idempotent: true,
    },
    get: {
      summary: "One task with what changed.",
      input: Type.Object({ id }),
      output: Type.Object({ task: Task, changes: Type.Array(TaskChange) }),
      deadlineMs: 5_000,
      idempotent: true,
    },
    list: {
      summary: "The one that changed last first.",
      input: Type.Object({
        status: Type.Optional(Type.Array(Task.properties.status, { maxItems: 16 })),
        parent: Type.Optional(id),
        sessionKey: Type.Optional(Type.String({ maxLength: 256 })),
        limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000 })),
        cursor: Type.Optional(Type.String({ maxLength: 64 })),
      }),
      output: Type.Object({ tasks: Type.Array(Task), next: Type.Optional(Type.String()) }),
      deadlineMs: 5_000,
      idempotent: true,
    },
    follow: {
      summary: "Tasks as they change, each as a whole; first those of `ids` as they are.",
      input: Type.Object({ ids: Type.Optional(Type.Array(id, { maxItems: 1_000 })), sessionKey: Type.Optional(Type.String({ maxLength: 256 })) }),
      stream: Task,
      deadlineMs: 0,
    },
  },
  errors: {
    PLINTH_TASK_UNKNOWN: "There is no such task.",
    PLINTH_TASK_FENCED: "Somebody else runs the task now, or its claim expired.",
    PLINTH_TASK_MOVED: "The task changed since it was read.",
    PLINTH_TASK_OVER: "The task is over, or its parent is or was cancelled: what came of it does not change any more.",
    PLINTH_TASK_TOO_LARGE: "What came of it takes more than the ledger keeps.",
  },
});
