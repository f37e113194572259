import Type, { type Static } from "typebox";
import { openUnion } from "../../define.ts";
import { Origin } from "../content/origin.ts";
import { Usage } from "../models/event.ts";
import { ModelMessage } from "../models/message.ts";
import { Quoted } from "./quoted.ts";
import { ErrorInfo } from "./turns.ts";

const entryId = Type.Union([Type.String(), Type.Null()]);

/** What an entry says. Whoever meets a kind that it does not know passes it over. */
export const EntryBody = openUnion("kind", [
  Type.Object({
    kind: Type.Literal("message"),
    message: ModelMessage,
    replyTo: Type.Optional(Quoted),
    externalId: Type.Optional(Type.String({ maxLength: 256, description: "The message's id in the channel that it came through." })),
  }),
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
    usage: Type.Optional(Usage),
  }),
  Type.Object(
    {
      kind: Type.Literal("compaction"),
      summary: Type.String(),
      firstKept: Type.Union([Type.String(), Type.Null()], { description: "The first entry that a model is still shown; null: none of before." }),
    },
    { description: "Stands, for a model, in the place of what was said before `firstKept`. Nothing is deleted." },
  ),
  Type.Object(
    {
      kind: Type.Literal("repair"),
      entries: Type.Array(
        Type.Object({
          entry: Type.String(),
          code: Type.Enum(["text", "empty", "left-out"], {
            description: "text: halves of characters are replaced. empty: said to be without words, or left out where the assistant said nothing.",
          }),
        }),
        { maxItems: 1_000 },
      ),
      undoes: Type.Optional(Type.String({ description: "An earlier repair, which holds no more." })),
    },
    { description: "How models are shown those entries from here on. The entries stay as they are." },
  ),
  Type.Object({
    kind: Type.Literal("model-change"),
    model: Type.String(),
    previous: Type.Optional(Type.String()),
    reason: Type.Optional(Type.String({ maxLength: 500 })),
  }),
  Type.Object({
    kind: Type.Literal("label"),
    entry: Type.String({ description: "The entry that it marks." }),
    label: Type.Union([Type.String({ maxLength: 200 }), Type.Null()], { description: "null takes it away." }),
  }),
  Type.Object({
    kind: Type.Literal("delivery"),
    to: Type.String({ maxLength: 1_024, description: "Where an answer went." }),
    status: Type.Enum(["sent", "partial", "failed", "suppressed", "unknown"]),
    entry: Type.Optional(Type.String({ description: "The entry that was delivered." })),
    ids: Type.Optional(Type.Array(Type.String({ maxLength: 256 }), { description: "Of the messages there." })),
    error: Type.Optional(ErrorInfo),
  }),
  Type.Object({
    kind: Type.Literal("reset"),
    reason: Type.String({ maxLength: 200, description: "Such as `asked`, `idle`, `daily`." }),
    from: Type.Optional(Type.String({ description: "The head of before." })),
  }),
  Type.Object(
    {
      kind: Type.Literal("custom"),
      owner: Type.Optional(Type.String({ description: "The extension that appended it. The store writes it; no payload sets it." })),
      type: Type.String({ maxLength: 120 }),
      data: Type.Unknown(),
    },
    { description: "An extension's own. Models are never shown it." },
  ),
]);
export type EntryBody = Static<typeof EntryBody>;

/** One entry of a transcript. Entries form a tree by `parent`; they are never changed or removed singly. */
export const TranscriptEntry = Type.Object({
  id: Type.String(),
  parent: entryId,
  seq: Type.Integer({ description: "Rises with each entry of the store. Order goes by it, never by `at`; it is the cursor of `follow`." }),
  runId: Type.Optional(Type.String()),
  at: Type.Number({ description: "Milliseconds since the epoch." }),
  origin: Type.Optional(Origin),
  body: EntryBody,
});
export type TranscriptEntry = Static<typeof TranscriptEntry>;

/** Sums over runs. Models say them; what none of them said is absent. */
export const UsageTotals = Type.Object({
  runs: Type.Integer({ minimum: 0 }),
  tokens: Type.Record(Type.String(), Type.Number(), { description: "By the names of a run's `usage`, such as inputTokens, outputTokens, cost." }),
});
export type UsageTotals = Static<typeof UsageTotals>;

export const SessionInfo = Type.Object({
  key: Type.String(),
  head: entryId,
  entries: Type.Integer(),
  createdAt: Type.Number(),
  updatedAt: Type.Number(),
  startedAt: Type.Optional(Type.Number({ description: "When its present conversation began; absent: with the session." })),
  activeAt: Type.Optional(
    Type.Number({ description: "When somebody last said something in it; what the host does by itself does not count. Absent: not known." }),
  ),
  running: Type.Optional(Type.String({ description: "Id of the run in progress." })),
  waiting: Type.Optional(Type.Integer({ description: "Messages that were taken in and have not had their turn." })),
  title: Type.Optional(Type.String()),
  labels: Type.Optional(Type.Array(Type.String())),
  archivedAt: Type.Optional(Type.Number()),
  agent: Type.Optional(Type.String()),
  parent: Type.Optional(Type.String({ description: "The session in whose run it was made." })),
  forkOf: Type.Optional(Type.Object({ key: Type.String(), entry: entryId })),
  bytes: Type.Optional(Type.Integer({ description: "What its transcript takes." })),
  usage: Type.Optional(UsageTotals),
});
export type SessionInfo = Static<typeof SessionInfo>;
