import Type, { type Static } from "typebox";
import { defineContract } from "../../define.ts";
import { Origin } from "../content/origin.ts";

const family = Type.String({ pattern: "^[a-z][a-z0-9]*(?:[.-][a-z0-9]+)*$", maxLength: 120, description: "Such as `turns`, `deliveries`." });
const cursor = Type.String({ maxLength: 64, description: "An event's id." });

/** Something that happened. Whoever meets a family or a type that it does not know passes it over. */
export const LoggedEvent = Type.Object({
  id: Type.String({ description: "The cursor: events of one log sort by it in the order in which they were appended, across restarts." }),
  family,
  type: Type.String({ maxLength: 120 }),
  at: Type.Number({ description: "Milliseconds since the epoch." }),
  subject: Type.Optional(Type.String({ maxLength: 256, description: "What it is about, such as a session's key." })),
  data: Type.Unknown(),
  by: Type.String({ description: "The extension that appended it. The log writes it; no payload sets it." }),
  origin: Type.Optional(Origin),
});
export type LoggedEvent = Static<typeof LoggedEvent>;

export const eventLog = defineContract({
  id: "plinth.event-log",
  version: "1.0.0",
  title: "Event log",
  summary: "Keeps what happened, by family, so that whoever was away reads on from where they stopped, also after a restart.",
  cardinality: "one",
  selection: "by-id",
  descriptor: Type.Object({ title: Type.String(), durable: Type.Boolean() }),
  methods: {
    define: {
      summary: "Say what a family is: who reads it and how long it is kept. The first to define it owns it, and alone appends to it.",
      input: Type.Object({
        family,
        scope: Type.Enum(["owner", "guest"], { description: "owner: only the owner's work reads it. guest: whoever may read events at all." }),
        keepMs: Type.Optional(Type.Integer({ minimum: 1_000 })),
        keepEvents: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_000_000 })),
      }),
      output: Type.Object({}),
      deadlineMs: 5_000,
      idempotent: true,
    },
    append: {
      summary: "Add events in order, all or none. The same idempotency key twice is added once.",
      input: Type.Object({
        family,
        events: Type.Array(
          Type.Object({ type: Type.String({ maxLength: 120 }), subject: Type.Optional(Type.String({ maxLength: 256 })), data: Type.Unknown() }),
          {
            minItems: 1,
            maxItems: 1_000,
          },
        ),
        idempotencyKey: Type.Optional(Type.String({ minLength: 1, maxLength: 128 })),
      }),
      output: Type.Object({ ids: Type.Array(Type.String()) }),
      deadlineMs: 5_000,
    },
    read: {
      summary: "Events after a cursor, in order; without one from the oldest that is kept.",
      input: Type.Object({
        families: Type.Array(family, { minItems: 1, maxItems: 64 }),
        after: Type.Optional(cursor),
        subject: Type.Optional(Type.String({ maxLength: 256 })),
        limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000 })),
      }),
      output: Type.Object({ events: Type.Array(LoggedEvent) }),
      deadlineMs: 5_000,
      idempotent: true,
    },
    follow: {
      summary: "Events after a cursor, then as they come; without one from now on. Many may follow at once.",
      input: Type.Object({
        families: Type.Array(family, { minItems: 1, maxItems: 64 }),
        after: Type.Optional(cursor),
        subject: Type.Optional(Type.String({ maxLength: 256 })),
      }),
      stream: LoggedEvent,
      deadlineMs: 0,
    },
    families: {
      summary: "The families there are, with what is kept of each.",
      input: Type.Object({}),
      output: Type.Object({
        families: Type.Array(
          Type.Object({ family, owner: Type.String(), scope: Type.Enum(["owner", "guest"]), events: Type.Integer(), oldest: Type.Optional(cursor) }),
        ),
      }),
      deadlineMs: 5_000,
      idempotent: true,
    },
  },
  errors: {
    PLINTH_CURSOR_GONE: "What came after the cursor is not kept any more: read the state anew, then follow from now on.",
    PLINTH_FAMILY_UNKNOWN: "Nobody defined this family.",
    PLINTH_PERMISSION: "The family is another extension's, or for the owner only.",
  },
});
