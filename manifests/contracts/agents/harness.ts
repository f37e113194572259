import Type from "typebox";
import { defineContract, openUnion } from "../../define.ts";
import { Part, ToolCallPart } from "../content/part.ts";
import { Usage } from "../models/event.ts";
import { ModelMessage } from "../models/message.ts";
import { ToolResult } from "../tools/tool.ts";
import { turnEvents } from "./turns.ts";

const run = { sessionKey: Type.String(), runId: Type.String() };

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
    ownsHistory: Type.Optional(Type.Boolean({ description: "true: keeps the conversation itself." })),
  }),
  methods: {
    run: {
      summary: "Run one turn. Yields turn events but neither `start` nor `end`; last comes one `done`.",
      input: Type.Object({
        ...run,
        workspace: Type.String(),
        agent: Type.Optional(Type.String()),
        surface: Type.Optional(Type.String({ description: "Where the turn came from: tools can need one." })),
        locale: Type.Optional(Type.String({ maxLength: 64, description: "BCP 47, such as de-DE." })),
        model: Type.String(),
        system: Type.Array(Type.String()),
        history: Type.Array(ModelMessage, { description: "Oldest first; the last one is the user's new message." }),
      }),
      stream: openUnion("type", [
        ...turnEvents,
        Type.Object(
          {
            type: Type.Literal("message"),
            message: ModelMessage,
          },
          { description: "A finished assistant or tool message, to be stored at once." },
        ),
        Type.Object({
          type: Type.Literal("done"),
          text: Type.String({ description: "The whole answer." }),
          content: Type.Optional(Type.Array(Part, { description: "The answer's parts, where it is more than text." })),
          model: Type.Optional(Type.String()),
          usage: Type.Optional(Usage),
        }),
      ]),
      deadlineMs: 0,
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
