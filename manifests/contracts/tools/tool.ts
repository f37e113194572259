import Type, { type Static } from "typebox";
import { defineContract } from "../../define.ts";
import { ActionSubject, Effect } from "../host/action.ts";

export const ToolContent = Type.Union([
  Type.Object({ type: Type.Literal("text"), text: Type.String() }),
  Type.Object({ type: Type.Literal("image"), mimeType: Type.String(), base64: Type.String() }),
]);

export const ToolResult = Type.Object({
  content: Type.Array(ToolContent),
  isError: Type.Optional(Type.Boolean({ description: "The call failed in a way the model can react to." })),
  details: Type.Optional(Type.Unknown({ description: "Data for surfaces; never sent to the model." })),
  outside: Type.Optional(
    Type.Boolean({ description: "true: it holds text of others, such as a fetched page. The tool says so with `ctx.lower` too." }),
  ),
});
export type ToolResult = Static<typeof ToolResult>;

export const tool = defineContract({
  id: "plinth.tool",
  version: "1.0.0",
  title: "Tool",
  summary: "Something a model can call. The capability's id is the name that the model sees.",
  cardinality: "many",
  selection: "by-id",
  descriptor: Type.Object({
    title: Type.Optional(Type.String()),
    description: Type.String({ description: "For the model: what it does and when to use it." }),
    input: Type.Unsafe<Record<string, unknown>>(
      Type.Object({ type: Type.Literal("object") }, { additionalProperties: true, description: "JSON Schema of the arguments." }),
    ),
    effects: Type.Array(Effect, { description: "What a call can do; [] for a pure function. The host decides by it what others' words may do." }),
    say: Type.Optional(
      Type.Array(Type.String(), {
        description: "Plain sentences that mean this tool, with {argument} places, such as `weather in {city}`. The offline model uses them.",
      }),
    ),
  }),
  methods: {
    call: {
      summary: "Run once. The arguments were validated against the descriptor's schema.",
      input: Type.Object({
        args: Type.Record(Type.String(), Type.Unknown()),
        sessionKey: Type.Optional(Type.String()),
        runId: Type.Optional(Type.String()),
        workspace: Type.Optional(Type.String({ description: "Absolute path of the folder that the conversation works in." })),
      }),
      output: ToolResult,
      deadlineMs: 600_000,
      guarded: true,
    },
    subject: {
      summary:
        "What exactly a call would run, for an owner who is asked; changes nothing. The same arguments give the same subject while it is the same.",
      input: Type.Object({
        args: Type.Record(Type.String(), Type.Unknown()),
        workspace: Type.Optional(Type.String()),
      }),
      output: ActionSubject,
      deadlineMs: 10_000,
      idempotent: true,
      optional: true,
    },
  },
  errors: { PLINTH_TOOL_INPUT: "The arguments do not fit the schema." },
});
