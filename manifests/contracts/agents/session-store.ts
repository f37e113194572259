import Type, { type Static } from "typebox";
import { defineContract } from "../../define.ts";
import { Origin } from "../content/origin.ts";
import { ModelMessage } from "../models/model-provider.ts";
import { ErrorInfo } from "./turns.ts";

/** One entry of a transcript. Entries form a tree by `parent`; they are never changed or removed singly. */
export const TranscriptEntry = Type.Object({
  id: Type.String(),
  parent: Type.Union([Type.String(), Type.Null()]),
  runId: Type.Optional(Type.String()),
  at: Type.Number({ description: "Milliseconds since the epoch." }),
  origin: Type.Optional(Origin),
  body: Type.Union([
    Type.Object({ kind: Type.Literal("message"), message: ModelMessage }),
    Type.Object({
      kind: Type.Literal("command"),
      command: Type.String({ description: "A slash command as typed." }),
      answer: Type.String(),
    }),
    Type.Object({
      kind: Type.Literal("run-end"),
      status: Type.Enum(["ok", "error", "aborted", "interrupted"]),
      error: Type.Optional(ErrorInfo),
      model: Type.Optional(Type.String()),
    }),
  ]),
});
export type TranscriptEntry = Static<typeof TranscriptEntry>;

export const SessionInfo = Type.Object({
  key: Type.String(),
  head: Type.Union([Type.String(), Type.Null()]),
  entries: Type.Integer(),
  createdAt: Type.Number(),
  updatedAt: Type.Number(),
  running: Type.Optional(Type.String({ description: "Id of the run in progress." })),
});
export type SessionInfo = Static<typeof SessionInfo>;

const key = Type.String({ minLength: 1, maxLength: 256 });

export const sessionStore = defineContract({
  id: "plinth.session-store",
  version: "1.0.0",
  title: "Session store",
  summary:
    "Keeps conversations as append-only trees and says after a crash what was interrupted. It notes each entry's origin from the call's work, never from its input.",
  cardinality: "one",
  selection: "by-id",
  descriptor: Type.Object({ title: Type.String(), durable: Type.Boolean() }),
  methods: {
    beginRun: {
      summary: "Claim the session for one run and append the user's message. Fails with PLINTH_SESSION_BUSY while another runs.",
      input: Type.Object({ key, runId: Type.String(), message: Type.Optional(ModelMessage) }),
      output: Type.Object({ head: Type.Union([Type.String(), Type.Null()]) }),
      deadlineMs: 5_000,
    },
    append: {
      summary: "Append bodies in order below the head, in one transaction. `runId` must hold the claim when given.",
      input: Type.Object({
        key,
        runId: Type.Optional(Type.String()),
        bodies: Type.Array(TranscriptEntry.properties.body, { minItems: 1 }),
      }),
      output: Type.Object({ head: Type.String() }),
      deadlineMs: 5_000,
    },
    endRun: {
      summary: "Append the run's end and release the claim. Open tool calls get an error result first.",
      input: Type.Object({
        key,
        runId: Type.String(),
        status: Type.Enum(["ok", "error", "aborted"]),
        error: Type.Optional(ErrorInfo),
        model: Type.Optional(Type.String()),
      }),
      output: Type.Object({}),
      deadlineMs: 5_000,
      idempotent: true,
    },
    history: {
      summary: "Entries from the head towards the root, returned oldest first.",
      input: Type.Object({ key, limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_000 })) }),
      output: Type.Object({ entries: Type.Array(TranscriptEntry) }),
      deadlineMs: 5_000,
      idempotent: true,
    },
    list: {
      summary: "Sessions, newest first.",
      input: Type.Object({
        limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000 })),
        before: Type.Optional(Type.Number({ description: "Only those updated earlier than this." })),
      }),
      output: Type.Object({ sessions: Type.Array(SessionInfo) }),
      deadlineMs: 5_000,
      idempotent: true,
    },
    setHead: {
      summary: "Move the head: null starts afresh, an entry's id branches there. Nothing is deleted. For owners, and for whoever alone wrote in it.",
      input: Type.Object({ key, head: Type.Union([Type.String(), Type.Null()]) }),
      output: Type.Object({}),
      deadlineMs: 5_000,
      idempotent: true,
    },
  },
  errors: {
    PLINTH_SESSION_BUSY: "Another run holds the session.",
    PLINTH_SESSION_FENCED: "The run does not hold the session any more.",
    PLINTH_SESSION_FULL: "The session's transcript is as large as one may be.",
    PLINTH_QUOTA: "Whoever writes, and is not the owner, wrote as much as one may in a day.",
  },
});
