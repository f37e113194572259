import Type from "typebox";
import { defineContract, openUnion } from "../../define.ts";
import { Part, ToolCallPart } from "../content/part.ts";
import { Usage } from "../models/event.ts";
import { ModelMessage } from "../models/message.ts";
import { ModelOptions, ModelRequest, ModelTool } from "../models/request.ts";
import { ToolResult } from "../tools/tool.ts";
import { RequestPart } from "./request-part.ts";
import { SaidIn } from "./said-in.ts";
import { TurnEvent, turnEvents } from "./turns.ts";

const run = { sessionKey: Type.String(), runId: Type.String() };
const history = (description: string) => Type.Array(ModelMessage, { description });

const whose = (description: string) => Type.Optional(Type.Enum(["owned", "shared", "refused"], { description }));

/** Who has the say. owned: the harness alone. shared: it takes what the host gives. refused: it takes nothing of the kind. */
const Declares = Type.Object({
  loop: whose("The loop of model and tools."),
  history: whose("The conversation."),
  compaction: whose("Making a long conversation short."),
  tools: whose("The tools; shared: the host's are offered to its model."),
  hooks: whose("shared: it fires those that `emits` names."),
  context: whose("What others add to the prompt."),
  approvals: whose("Asking before something is done; owned: answered with `answer`."),
  systemPrompt: whose("The instructions."),
});

export const harness = defineContract({
  id: "plinth.harness",
  version: "1.0.0",
  title: "Harness",
  summary: "Owns the model loop of a turn: prompt, stream, tool calls, results, until done.",
  cardinality: "many",
  selection: "by-id",
  choice: true,
  descriptor: Type.Object({
    title: Type.String(),
    emits: Type.Array(Type.String(), { description: "The harness hooks that it really fires." }),
    declares: Type.Optional(Declares),
    accepts: Type.Optional(
      Type.Array(Type.String({ maxLength: 64 }), {
        maxItems: 32,
        description: "Kinds of part that it takes besides text; absent: what its model takes.",
      }),
    ),
    steers: Type.Optional(Type.Boolean({ description: "Provides `steer`." })),
    handsOut: Type.Optional(Type.Boolean({ description: "Takes `tools` and `options` of `run`." })),
    resumes: Type.Optional(Type.Boolean({ description: "Yields `resume`, and goes on from one." })),
  }),
  methods: {
    run: {
      summary: "Run one turn. Yields turn events but neither `start` nor `end`; last comes one `done`.",
      input: Type.Object({
        ...run,
        workspace: Type.String(),
        agent: Type.Optional(Type.String()),
        surface: Type.Optional(Type.String({ description: "Where the turn came from: tools can need one." })),
        kind: Type.Optional(SaidIn),
        locale: Type.Optional(Type.String({ maxLength: 64, description: "BCP 47, such as de-DE." })),
        model: Type.String(),
        fallbacks: Type.Optional(Type.Array(Type.String(), { maxItems: 16, description: "Asked in their order where `model` cannot answer." })),
        system: Type.Array(Type.String()),
        thinking: Type.Optional(ModelRequest.properties.thinking),
        output: Type.Optional(ModelRequest.properties.output),
        options: Type.Optional(ModelOptions),
        tools: Type.Optional(
          Type.Array(ModelTool, {
            description: "Tools of whoever asks, beside the host's. It does not run them: where its model calls one, the turn is done, with `calls`.",
          }),
        ),
        limits: Type.Optional(
          Type.Object(
            { rounds: Type.Optional(Type.Integer({ minimum: 1 })), toolCalls: Type.Optional(Type.Integer({ minimum: 0 })) },
            { description: "Of this turn; they can only be less than the harness's own." },
          ),
        ),
        resume: Type.Optional(Type.Unknown({ description: "What it yielded last as `resume` in this session, as it was." })),
        history: history("Oldest first; the last one is the user's new message."),
        long: Type.Optional(
          Type.Boolean({
            description:
              "true: the history is about to be longer than is handed over; it is made short first, where that can be. false: it is whole and its sender's own; it is made short only where the model's server refuses it.",
          }),
        ),
      }),
      stream: openUnion("type", [
        ...turnEvents,
        Type.Object(
          {
            type: Type.Literal("message"),
            message: ModelMessage,
          },
          {
            description:
              "A finished assistant or tool message, to be stored at once. A user's: here it took in what `steer` handed to it, one message for each, in their order.",
          },
        ),
        Type.Object({ type: Type.Literal("resume"), data: Type.Unknown() }, { description: "From here it can go on, whatever comes." }),
        Type.Object({
          type: Type.Literal("done"),
          text: Type.String({ description: "The whole answer." }),
          content: Type.Optional(Type.Array(Part, { description: "The answer's parts, where it is more than text." })),
          model: Type.Optional(Type.String()),
          usage: Type.Optional(Usage),
          reason: Type.Optional(
            Type.Enum(["end", "length", "rounds", "refusal", "filter", "cancelled", "error", "tool-calls"], {
              description: "Why it stopped. Default: end.",
            }),
          ),
          calls: Type.Optional(Type.Array(ToolCallPart, { description: "Of `tools`, for whoever asked." })),
        }),
      ]),
      deadlineMs: 0,
    },
    steer: {
      summary:
        "Say something into a running turn. `now`: calls of tools that have not begun are skipped for it. `next`: before the next model call. `no`: it is over, or goes on without it. What it took and did not yield as a message when it ends, it did not take in.",
      input: Type.Object({ runId: Type.String(), content: Type.Array(Part, { minItems: 1 }), when: Type.Enum(["now", "next"]) }),
      output: Type.Object({ taken: Type.Enum(["now", "next", "no"]) }),
      deadlineMs: 10_000,
      optional: true,
    },
    answer: {
      summary: "Answer what its own approvals ask, where it owns them.",
      input: Type.Object({ runId: Type.String(), id: Type.String(), option: Type.String() }),
      output: Type.Object({}),
      deadlineMs: 10_000,
      optional: true,
    },
    compact: {
      summary:
        "Make a conversation short because an owner wants it. Yields how far it is, and one `compaction`; PLINTH_COMPACT_SHORT where there is nothing to make shorter.",
      input: Type.Object({
        sessionKey: run.sessionKey,
        agent: Type.Optional(Type.String()),
        model: Type.String(),
        history: history("Oldest first, as a turn is handed it."),
        focus: Type.Optional(Type.String({ maxLength: 2_048, description: "What is to be kept above all." })),
      }),
      stream: TurnEvent,
      deadlineMs: 600_000,
      optional: true,
    },
    weigh: {
      summary: "How long each part of a turn's request would be. No model is asked.",
      input: Type.Object({
        ...run,
        workspace: Type.String(),
        agent: Type.Optional(Type.String()),
        surface: Type.Optional(Type.String()),
        kind: Type.Optional(SaidIn),
        model: Type.String(),
        system: Type.Array(Type.String()),
        history: history("Oldest first, as a turn is handed it."),
      }),
      output: Type.Object({
        limitTokens: Type.Optional(Type.Integer({ minimum: 1, description: "The model's context; absent: not known." })),
        parts: Type.Array(RequestPart),
      }),
      deadlineMs: 20_000,
      idempotent: true,
      optional: true,
    },
    close: {
      summary: "Let go of what it keeps for a session. It can be resumed.",
      input: Type.Object({ sessionKey: Type.String() }),
      output: Type.Object({}),
      deadlineMs: 30_000,
      idempotent: true,
      optional: true,
    },
    probe: {
      summary: "Whether it could run now, which version it is, and what to do where it cannot.",
      input: Type.Object({}),
      output: Type.Object({
        ready: Type.Boolean(),
        version: Type.Optional(Type.String({ maxLength: 120 })),
        reason: Type.Optional(Type.String({ maxLength: 500 })),
        next: Type.Optional(Type.String({ maxLength: 500 })),
      }),
      deadlineMs: 10_000,
      idempotent: true,
      optional: true,
    },
  },
  hooks: {
    "prompt.build": {
      summary: "The instructions of a model call, as ordered sections.",
      mode: "transform",
      payload: Type.Object({
        ...run,
        sections: Type.Array(Type.Object({ id: Type.String(), text: Type.String() })),
      }),
      deadlineMs: 5_000,
      failure: "open",
    },
    "tool.before": {
      summary: "A tool is about to be called: deny it by answering with a reason.",
      mode: "gate",
      payload: Type.Object({ ...run, call: ToolCallPart, effects: Type.Array(Type.String()) }),
      deadlineMs: 5_000,
      failure: "closed",
    },
    "tool.after": {
      summary: "A tool's result, before the model sees it.",
      mode: "transform",
      payload: Type.Object({ ...run, call: ToolCallPart, result: ToolResult }),
      deadlineMs: 5_000,
      failure: "closed",
    },
  },
});
