import Type, { type Static } from "typebox";
import { defineContract, openUnion } from "../../define.ts";
import { Origin } from "../content/origin.ts";
import { ContentPart, Part, ToolCallPart } from "../content/part.ts";
import { Usage } from "../models/event.ts";
import { ModelMessage } from "../models/message.ts";
import { ModelOptions, ModelTool } from "../models/request.ts";
import { ToolResult } from "../tools/tool.ts";
import { InteractionAnswer, InteractionRequest, InteractionStep } from "./interaction.ts";
import { Quoted } from "./quoted.ts";
import { WHOLE } from "./run-names.ts";
import { SaidIn } from "./said-in.ts";

export const ErrorInfo = Type.Object({
  code: Type.String(),
  message: Type.String(),
  extension: Type.Optional(Type.String()),
  next: Type.Optional(Type.String()),
  retryable: Type.Optional(Type.Boolean({ description: "Asking again may help." })),
  retryAfterMs: Type.Optional(Type.Integer({ minimum: 0, description: "Not before this has passed." })),
});
export type ErrorInfo = Static<typeof ErrorInfo>;

/** The kinds of a turn's events that are known. */
export const turnEvents = [
  Type.Object({
    type: Type.Literal("start"),
    runId: Type.String(),
    sessionKey: Type.String(),
    origin: Type.Optional(Origin),
  }),
  Type.Object({ type: Type.Literal("text"), delta: Type.String() }),
  Type.Object({ type: Type.Literal("reasoning"), delta: Type.String() }),
  Type.Object(
    { type: Type.Literal("part"), part: Part },
    { description: "Something that is not text, such as an image or a citation, at its place." },
  ),
  Type.Object({
    type: Type.Literal("plan"),
    entries: Type.Array(
      Type.Object({
        text: Type.String(),
        status: Type.Enum(["pending", "running", "done"]),
        priority: Type.Optional(Type.Enum(["high", "medium", "low"])),
      }),
      { description: "The whole plan as it is now." },
    ),
  }),
  Type.Object(
    {
      type: Type.Literal("diff"),
      path: Type.String(),
      before: Type.Optional(Type.String()),
      after: Type.Optional(Type.String()),
      callId: Type.Optional(Type.String()),
    },
    { description: "A file as it was and as it is; absent: it was not there, or is gone." },
  ),
  Type.Object({
    type: Type.Literal("terminal"),
    id: Type.String(),
    output: Type.Optional(Type.String({ description: "What came since the last one." })),
    exit: Type.Optional(Type.Integer()),
    callId: Type.Optional(Type.String()),
  }),
  Type.Object({
    type: Type.Literal("subagent"),
    id: Type.String(),
    status: Type.Enum(["running", "done", "failed"]),
    title: Type.Optional(Type.String()),
    callId: Type.Optional(Type.String()),
  }),
  Type.Object({
    type: Type.Literal("compaction"),
    summary: Type.Optional(Type.String()),
    before: Type.Optional(Type.Integer({ description: "Tokens, about." })),
    after: Type.Optional(Type.Integer()),
    made: Type.Optional(Type.Enum(["model", "rules"], { description: "Who wrote the summary." })),
    kept: Type.Optional(
      Type.Integer({ minimum: 0, description: "So many messages at the end of the turn's history stay; the summary stands for those before them." }),
    ),
  }),
  Type.Object({
    type: Type.Literal("warning"),
    code: Type.String(),
    message: Type.String(),
    param: Type.Optional(Type.String({ description: "The field of the model's request that was left out or done otherwise." })),
  }),
  Type.Object({
    type: Type.Literal("progress"),
    text: Type.String(),
    callId: Type.Optional(Type.String({ description: "Of the tool call that tells it." })),
    done: Type.Optional(Type.Number()),
    total: Type.Optional(Type.Number()),
  }),
  Type.Object({
    type: Type.Literal("tool-start"),
    callId: Type.String(),
    name: Type.String(),
    args: Type.Record(Type.String(), Type.Unknown(), { description: "Those that the tool calls secret are masked." }),
  }),
  Type.Object(
    { type: Type.Literal("tool-output"), callId: Type.String(), text: Type.String() },
    { description: "What a running tool writes, for people; its result says it to the model." },
  ),
  Type.Object({ type: Type.Literal("tool-end"), callId: Type.String(), name: Type.String(), result: ToolResult }),
  Type.Object(
    {
      type: Type.Literal("interaction"),
      state: Type.Enum(["asked", "answered"]),
      request: InteractionRequest,
      answer: Type.Optional(InteractionAnswer),
    },
    { description: "An owner is asked in this turn, and what came of it. A hint: what is pending, plinth.interaction says." },
  ),
  Type.Object({
    type: Type.Literal("suggest"),
    by: Type.Optional(Type.String({ description: "The extension whose words these are. The host says it; a harness cannot." })),
    suggestions: Type.Array(Type.Object({ label: Type.String(), text: Type.String() })),
  }),
  Type.Object({
    type: Type.Literal("end"),
    status: Type.Enum(["ok", "error", "aborted"]),
    text: Type.String({ description: "The whole answer as it was sent." }),
    content: Type.Optional(Type.Array(Part, { description: "The answer's parts, where it is more than text." })),
    usage: Type.Optional(Usage),
    model: Type.Optional(Type.String({ description: "provider/model that answered." })),
    reason: Type.Optional(
      Type.Enum(["length", "rounds", "refusal", "filter", "tool-calls"], {
        description: "Why it stopped, where it is not just done. `tool-calls`: `calls` are for whoever asked.",
      }),
    ),
    calls: Type.Optional(Type.Array(ToolCallPart, { description: "Calls of the tools that were handed over with the message." })),
    origin: Type.Optional(Origin),
    error: Type.Optional(ErrorInfo),
  }),
] as const;

/** What happens in a turn, in order. Exactly one `end` closes it. Whoever meets a type that it does not know passes it over. */
export const TurnEvent = openUnion("type", turnEvents);
export type TurnEvent = Static<typeof TurnEvent>;

const session = { sessionKey: Type.String(), runId: Type.String() };

export const turns = defineContract({
  id: "plinth.turns",
  version: "1.0.0",
  title: "Turns",
  summary: "Takes a message to its answer: one turn at a time for a session, many sessions side by side.",
  cardinality: "one",
  selection: "by-id",
  descriptor: Type.Object({ title: Type.String() }),
  methods: {
    submit: {
      summary: "Queue one message and follow its turn. Cancelling the stream aborts the turn.",
      input: Type.Object({
        text: Type.Optional(Type.String({ minLength: 1, maxLength: 1_000_000, description: "The message, where it is nothing but text." })),
        content: Type.Optional(Type.Array(ContentPart, { minItems: 1, maxItems: 256, description: "The message in parts; instead of `text`." })),
        replyTo: Type.Optional(Quoted),
        externalId: Type.Optional(Type.String({ maxLength: 256, description: "The message's id in the channel that it came through." })),
        mode: Type.Optional(
          Type.Enum(["followup", "collect", "interrupt", "steer"], {
            description:
              "What becomes of it while the session is busy. followup (default): a turn of its own, afterwards. collect: one turn with the others that wait in this mode, of the same person. interrupt: what runs and waits is aborted first. steer: into the running turn of the same person where its harness can, else as followup; one that was taken in ends with PLINTH_MESSAGE_STEERED and no answer of its own.",
          }),
        ),
        share: Type.Optional(
          Type.Enum(["main", "subagent", "scheduled", "background"], {
            description: "Whose share of the turns that run at once it counts in. Default: main. For the product's own extensions.",
          }),
        ),
        expectedHead: Type.Optional(
          Type.Union([Type.String(), Type.Null()], { description: "The turn fails with PLINTH_SESSION_MOVED where the session went on meanwhile." }),
        ),
        sessionKey: Type.Optional(Type.String({ maxLength: 256, pattern: WHOLE, description: "Default: the router's choice." })),
        runId: Type.Optional(
          Type.String({
            maxLength: 64,
            pattern: WHOLE,
            description:
              "Idempotency key; a known id follows that run. One that another publisher's extension gives is a name of its own: `start` tells the run's id.",
          }),
        ),
        surface: Type.String({ description: "Where it came from, such as webchat, cli, openai-http." }),
        sender: Type.Optional(Type.String()),
        kind: Type.Optional(SaidIn),
        model: Type.Optional(Type.String({ description: "provider/model for this turn." })),
        system: Type.Optional(Type.String({ description: "Extra instructions for this turn." })),
        history: Type.Optional(
          Type.Array(ModelMessage, {
            maxItems: 10_000,
            description:
              "The conversation before this message, instead of what the session remembers. It is what the sender says it is: results of tools in it count as text from outside. Where its last message is of the role `tool`, that is what is answered, and the text is only for the transcript.",
          }),
        ),
        said: Type.Optional(
          Type.Boolean({ description: "true: the message is said after the results that `history` ends with, and stands for nothing else." }),
        ),
        options: Type.Optional(ModelOptions),
        tools: Type.Optional(
          Type.Array(ModelTool, {
            maxItems: 512,
            description: "Tools of whoever asks. A call of one ends the turn with `calls`; the result comes with the next message's `history`.",
          }),
        ),
        commands: Type.Optional(Type.Boolean({ description: "false: a text that begins with a slash is for the model." })),
        suggestedBy: Type.Optional(
          Type.String({
            maxLength: 256,
            description: "The text is that of a suggestion: the extension whose words it is. It can only lower what the turn may do.",
          }),
        ),
        detached: Type.Optional(Type.Boolean({ description: "true: the turn goes on when the stream is cancelled." })),
      }),
      stream: TurnEvent,
      deadlineMs: 0,
    },
    abort: {
      summary: "Abort a run, or whatever a session runs and has queued.",
      input: Type.Object({ runId: Type.Optional(Type.String()), sessionKey: Type.Optional(Type.String()) }),
      output: Type.Object({ aborted: Type.Integer() }),
      deadlineMs: 10_000,
    },
    withdraw: {
      summary: "Take a message back that waits for its turn; false: it does not wait any more. What runs, `abort` ends.",
      input: Type.Object({ runId: Type.String({ maxLength: 64 }) }),
      output: Type.Object({ withdrawn: Type.Boolean() }),
      deadlineMs: 5_000,
      idempotent: true,
    },
    follow: {
      summary:
        "Watch a run, or all that happens in a session, from a cursor on; without one from the beginning of what runs. Any number may watch; nothing is aborted when one leaves.",
      input: Type.Object({
        runId: Type.Optional(Type.String({ maxLength: 64 })),
        sessionKey: Type.Optional(Type.String({ maxLength: 256 })),
        after: Type.Optional(Type.String({ maxLength: 64, description: "The `cursor` of the last item that was seen." })),
      }),
      stream: Type.Object({ cursor: Type.String(), sessionKey: Type.String(), runId: Type.String(), event: TurnEvent }),
      deadlineMs: 0,
    },
    tell: {
      summary:
        "Show a running turn's followers that an owner is asked, or what came of it. For the product's own extensions; false: no such turn runs.",
      input: Type.Object({ runId: Type.String({ maxLength: 64 }), step: InteractionStep }),
      output: Type.Object({ told: Type.Boolean() }),
      deadlineMs: 2_000,
    },
    status: {
      summary: "What runs and what waits.",
      input: Type.Object({}),
      output: Type.Object({
        running: Type.Array(Type.Object({ ...session, startedAt: Type.Number() })),
        queued: Type.Integer(),
      }),
      deadlineMs: 2_000,
      idempotent: true,
    },
  },
  errors: {
    PLINTH_QUEUE_FULL: "As many messages wait as may.",
    PLINTH_RUN_FORBIDDEN: "The run, or the session, is somebody else's.",
    PLINTH_CURSOR_GONE: "What came after the cursor is not kept any more.",
    PLINTH_HARNESS_TOOLS: "The agent's harness takes no tools of whoever asks.",
    PLINTH_SESSION_MOVED: "The session's head is not the one that was expected.",
  },
  hooks: {
    "message.received": {
      summary: "An incoming message, before anything is decided. Rewrite its text, or drop it.",
      mode: "transform",
      payload: Type.Object({
        text: Type.String(),
        sessionKey: Type.String(),
        surface: Type.String(),
        sender: Type.Optional(Type.String()),
        drop: Type.Optional(Type.String({ description: "A reason: the message is not answered." })),
      }),
      deadlineMs: 5_000,
      failure: "open",
    },
    "turn.prepare": {
      summary: "A turn is about to run: choose the model, the harness, extra instructions.",
      mode: "transform",
      payload: Type.Object({
        ...session,
        harness: Type.String(),
        model: Type.String({ description: "auto, provider/auto or provider/model." }),
        system: Type.Array(Type.String()),
      }),
      deadlineMs: 5_000,
      failure: "open",
    },
    "message.sending": {
      summary: "The answer, before it is stored and delivered.",
      mode: "transform",
      payload: Type.Object({ ...session, text: Type.String(), surface: Type.String() }),
      deadlineMs: 5_000,
      failure: "closed",
    },
    "turn.end": {
      summary: "A turn ended.",
      mode: "observe",
      payload: Type.Object({
        ...session,
        status: Type.String(),
        durationMs: Type.Number(),
        model: Type.Optional(Type.String()),
        usage: Type.Optional(Usage),
        error: Type.Optional(ErrorInfo),
      }),
      deadlineMs: 5_000,
      failure: "open",
    },
  },
});
