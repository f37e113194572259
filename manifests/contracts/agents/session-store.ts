import Type from "typebox";
import { defineContract } from "../../define.ts";
import { Origin } from "../content/origin.ts";
import { Usage } from "../models/event.ts";
import { ModelMessage } from "../models/message.ts";
import { Quoted } from "./quoted.ts";
import { WHOLE } from "./run-names.ts";
import { EntryBody, SessionInfo, TranscriptEntry, UsageTotals } from "./transcript.ts";
import { ErrorInfo } from "./turns.ts";

const key = Type.String({ minLength: 1, maxLength: 256, pattern: WHOLE });
const runId = Type.String({ minLength: 1, maxLength: 64, pattern: WHOLE });
const head = Type.Union([Type.String(), Type.Null()]);
const cursor = Type.Optional(Type.String({ maxLength: 256, description: "Of the page before; absent: from the beginning." }));
const next = Type.Optional(Type.String({ description: "Cursor of the next page; absent: there is none." }));
const limit = (maximum: number) => Type.Optional(Type.Integer({ minimum: 1, maximum }));
const fence = Type.Integer({
  minimum: 1,
  description: "What `claim` gave. It rises with each claim of a session; a write with an older one is refused.",
});
const ttlMs = Type.Integer({ minimum: 100, maximum: 600_000, description: "How long it is held unless it is renewed." });
const expectedHead = Type.Optional(
  Type.Union([Type.String(), Type.Null()], { description: "Refused with PLINTH_SESSION_MOVED where the head is another one." }),
);
const facts = {
  title: Type.Optional(Type.String({ maxLength: 200 })),
  labels: Type.Optional(Type.Array(Type.String({ minLength: 1, maxLength: 80 }), { maxItems: 32 })),
  agent: Type.Optional(Type.String({ maxLength: 256 })),
};

/** A message that was taken in and waits for its turn. Its origin is what the store noted when it was queued. */
const WaitingInput = Type.Object({
  key,
  id: runId,
  input: Type.Record(Type.String(), Type.Unknown()),
  origin: Type.Optional(Origin),
  seq: Type.Integer({ description: "Rises with each input; they have their turns in this order." }),
  at: Type.Number(),
});

export const sessionStore = defineContract({
  id: "plinth.session-store",
  version: "1.0.0",
  title: "Session store",
  summary:
    "Keeps conversations as append-only trees. Who writes holds a claim that expires, so that nobody has to be asked whether a process lives. It notes each entry's origin from the call's work, never from its input.",
  cardinality: "one",
  selection: "by-id",
  descriptor: Type.Object({ title: Type.String(), durable: Type.Boolean() }),
  methods: {
    claim: {
      summary:
        "Claim the session for one run and append the user's message. Fails with PLINTH_SESSION_BUSY while another's claim holds; ends an expired one as interrupted. A run that ended is never claimed for again. Another publisher's extension claims a session in which nobody else has words, for a minute at most at a time and as a run of its own, `ITS.ID/RUN`, and gives way to the product's claim and to whatever its owner does with the session.",
      input: Type.Object({
        key,
        runId,
        ttlMs,
        message: Type.Optional(ModelMessage),
        replyTo: Type.Optional(Quoted),
        externalId: Type.Optional(Type.String({ maxLength: 256 })),
        inputs: Type.Optional(
          Type.Array(runId, { maxItems: 100, description: "Waiting inputs that this run answers: gone with the claim, or PLINTH_SESSION_TAKEN." }),
        ),
        expectedHead,
      }),
      output: Type.Object({ fence, head, expiresAt: Type.Number() }),
      deadlineMs: 5_000,
    },
    renew: {
      summary: "Hold a claim for longer. Nobody else took it meanwhile, or PLINTH_SESSION_FENCED.",
      input: Type.Object({ key, runId, fence, ttlMs }),
      output: Type.Object({ expiresAt: Type.Number() }),
      deadlineMs: 5_000,
      idempotent: true,
    },
    append: {
      summary:
        "Append bodies in order below the head, in one transaction. With `runId` it is that run's, which must hold the claim that `fence` names. The same idempotency key of the same caller twice is appended once. From another publisher's extension: messages and custom bodies; calls and their results only in a run of its own.",
      input: Type.Object({
        key,
        runId: Type.Optional(runId),
        fence: Type.Optional(fence),
        bodies: Type.Array(EntryBody, { minItems: 1, maxItems: 1_000 }),
        idempotencyKey: Type.Optional(Type.String({ minLength: 1, maxLength: 128 })),
        expectedHead,
      }),
      output: Type.Object({ head: Type.String() }),
      deadlineMs: 5_000,
    },
    release: {
      summary:
        "Append the run's last bodies and its end, and give the claim back, in one transaction. Calls that are still open get an error result. Without bodies nothing but a lost claim refuses it: a run must be able to end.",
      input: Type.Object({
        key,
        runId,
        fence,
        bodies: Type.Optional(Type.Array(EntryBody, { maxItems: 1_000 })),
        status: Type.Enum(["ok", "error", "aborted"]),
        error: Type.Optional(ErrorInfo),
        model: Type.Optional(Type.String()),
        usage: Type.Optional(Usage),
      }),
      output: Type.Object({}),
      deadlineMs: 5_000,
      idempotent: true,
    },
    history: {
      summary: "Entries from the head towards the root, returned oldest first.",
      input: Type.Object({
        key,
        limit: limit(10_000),
        opaque: Type.Optional(
          Type.Boolean({ description: "true: with all that is opaque. For the product's own callers; others get what is their own." }),
        ),
        before: Type.Optional(
          Type.String({ description: "An entry's id: those that it hangs below. The page before begins with the oldest entry of this one." }),
        ),
      }),
      output: Type.Object({ entries: Type.Array(TranscriptEntry) }),
      deadlineMs: 5_000,
      idempotent: true,
    },
    list: {
      summary: "Sessions, the one that changed last first.",
      input: Type.Object({
        limit: limit(1_000),
        cursor,
        archived: Type.Optional(Type.Boolean({ description: "true: only archived ones. Default: those that are not." })),
        label: Type.Optional(Type.String({ maxLength: 80 })),
        prefix: Type.Optional(Type.String({ maxLength: 256, description: "What the key begins with." })),
      }),
      output: Type.Object({ sessions: Type.Array(SessionInfo), next }),
      deadlineMs: 5_000,
      idempotent: true,
    },
    setHead: {
      summary: "Move the head: null starts afresh, an entry's id branches there. Nothing is deleted. For owners, and for whoever alone wrote in it.",
      input: Type.Object({ key, head }),
      output: Type.Object({}),
      deadlineMs: 5_000,
      idempotent: true,
    },
    get: {
      summary: "One session; absent when there is none. A deleted one has left a note.",
      input: Type.Object({ key }),
      output: Type.Object({
        session: Type.Optional(SessionInfo),
        deleted: Type.Optional(Type.Object({ at: Type.Number(), why: Type.String(), entries: Type.Integer() })),
      }),
      deadlineMs: 5_000,
      idempotent: true,
      optional: true,
    },
    create: {
      summary: "Make an empty session. Fails with PLINTH_SESSION_EXISTS.",
      input: Type.Object({ key, ...facts, parent: Type.Optional(key) }),
      output: Type.Object({ session: SessionInfo }),
      deadlineMs: 5_000,
      optional: true,
    },
    update: {
      summary: "Rename, label, archive: what is given is set, `null` takes it away. For owners, and for whoever alone wrote in it.",
      input: Type.Object({
        key,
        title: Type.Optional(Type.Union([Type.String({ maxLength: 200 }), Type.Null()])),
        labels: facts.labels,
        archived: Type.Optional(Type.Boolean()),
        agent: Type.Optional(Type.Union([Type.String({ maxLength: 256 }), Type.Null()])),
      }),
      output: Type.Object({ session: SessionInfo }),
      deadlineMs: 5_000,
      idempotent: true,
      optional: true,
    },
    reset: {
      summary: "Start afresh and note why. Nothing is deleted. For owners, and for whoever alone wrote in it.",
      input: Type.Object({ key, reason: Type.String({ minLength: 1, maxLength: 200 }) }),
      output: Type.Object({ head: Type.String() }),
      deadlineMs: 5_000,
      optional: true,
    },
    fork: {
      summary: "Copy the conversation up to an entry (default: the head) into a new session. For owners, and for whoever alone wrote in it.",
      input: Type.Object({ key, to: key, at: Type.Optional(Type.String()), title: facts.title }),
      output: Type.Object({ session: SessionInfo }),
      deadlineMs: 30_000,
      optional: true,
    },
    delete: {
      summary: "Delete a session with all its entries for good; a note that it was there stays. For owners, and for whoever alone wrote in it.",
      input: Type.Object({ key, why: Type.String({ minLength: 1, maxLength: 200 }) }),
      output: Type.Object({ entries: Type.Integer() }),
      deadlineMs: 30_000,
      idempotent: true,
      optional: true,
    },
    prune: {
      summary: "Delete sessions that have not changed for a while. For owners.",
      input: Type.Object({
        unchangedForMs: Type.Integer({ minimum: 0 }),
        archived: Type.Optional(Type.Boolean({ description: "Only archived ones; default true." })),
        dryRun: Type.Optional(Type.Boolean()),
      }),
      output: Type.Object({ keys: Type.Array(Type.String()), bytes: Type.Integer() }),
      deadlineMs: 60_000,
      optional: true,
    },
    search: {
      summary: "Full text over messages and commands, best first. Words are all wanted; the last one may be the beginning of a word.",
      input: Type.Object({ text: Type.String({ minLength: 1, maxLength: 500 }), key: Type.Optional(key), limit: limit(100), cursor }),
      output: Type.Object({
        hits: Type.Array(
          Type.Object({
            ...{ key, entry: Type.String(), seq: Type.Integer(), at: Type.Number(), excerpt: Type.String() },
            by: Type.Optional(Type.Enum(["user", "assistant", "command", "summary"], { description: "What kind of entry it is." })),
            origin: Type.Optional(Origin),
          }),
        ),
        next,
      }),
      deadlineMs: 30_000,
      idempotent: true,
      optional: true,
    },
    export: {
      summary: "A session as items: itself, then all its entries in the order in which they were written, every branch.",
      input: Type.Object({ key }),
      stream: Type.Union([
        Type.Object({ type: Type.Literal("session"), session: SessionInfo }),
        Type.Object({ type: Type.Literal("entry"), entry: TranscriptEntry }),
      ]),
      deadlineMs: 30_000,
      optional: true,
    },
    import: {
      summary:
        "Add exported entries to a session, those that are there already once. Origins in them are not believed: they are the importing work's, from outside. For owners.",
      input: Type.Object({ key, ...facts, entries: Type.Array(TranscriptEntry, { maxItems: 1_000 }), head: Type.Optional(Type.String()) }),
      output: Type.Object({ added: Type.Integer(), head }),
      deadlineMs: 30_000,
      idempotent: true,
      optional: true,
    },
    usage: {
      summary: "Sums over one session, or over all there are.",
      input: Type.Object({ key: Type.Optional(key) }),
      output: Type.Object({ sessions: Type.Integer(), entries: Type.Integer(), bytes: Type.Integer(), usage: UsageTotals }),
      deadlineMs: 10_000,
      idempotent: true,
      optional: true,
    },
    follow: {
      summary: "Entries as they are written, of one session or of all, from a cursor on; without one from now on.",
      input: Type.Object({ key: Type.Optional(key), after: Type.Optional(Type.Integer({ minimum: 0, description: "An entry's `seq`." })) }),
      stream: Type.Object({ key, entry: TranscriptEntry }),
      deadlineMs: 0,
      optional: true,
    },
    enqueue: {
      summary:
        "Store a message that waits for its turn, before anybody is told that it was taken in. A known id, also one that ran, is not queued again.",
      input: Type.Object({ key, id: runId, input: Type.Record(Type.String(), Type.Unknown()), ttlMs }),
      output: Type.Object({ fresh: Type.Boolean() }),
      deadlineMs: 5_000,
      idempotent: true,
      optional: true,
    },
    hold: {
      summary: "Hold waiting inputs for longer: whoever queued them is still there.",
      input: Type.Object({ ids: Type.Array(runId, { maxItems: 10_000 }), ttlMs }),
      output: Type.Object({ held: Type.Array(Type.String()) }),
      deadlineMs: 5_000,
      idempotent: true,
      optional: true,
    },
    take: {
      summary: "Waiting inputs that nobody holds any more, oldest first; the caller holds them from now on. For the product's own extensions.",
      input: Type.Object({ limit: limit(1_000), ttlMs }),
      output: Type.Object({ inputs: Type.Array(WaitingInput) }),
      deadlineMs: 5_000,
      optional: true,
    },
    withdraw: {
      summary: "Take a waiting input back; false: it is not waiting.",
      input: Type.Object({ id: runId }),
      output: Type.Object({ withdrawn: Type.Boolean() }),
      deadlineMs: 5_000,
      idempotent: true,
      optional: true,
    },
  },
  errors: {
    PLINTH_SESSION_BUSY: "Another run holds the session.",
    PLINTH_SESSION_FENCED: "The run does not hold the session any more.",
    PLINTH_SESSION_MOVED: "The session's head is not the one that was expected.",
    PLINTH_SESSION_RAN: "A run with this id ended before.",
    PLINTH_SESSION_TAKEN: "A waiting input was taken, or taken back, by somebody else.",
    PLINTH_SESSION_EXISTS: "There is a session of this key.",
    PLINTH_SESSION_UNKNOWN: "There is no session of this key.",
    PLINTH_SESSION_FULL: "The session's transcript is as large as one may be.",
    PLINTH_QUOTA: "Whoever writes, and is not the owner, wrote as much as one may in a day.",
  },
});
