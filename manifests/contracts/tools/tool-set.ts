import Type, { type Static } from "typebox";
import { defineContract } from "../../define.ts";
import { Effect } from "../host/action.ts";
import { ToolDescriptor, toolMethods } from "./tool.ts";

/** A tool of a set. It says of itself what any tool says; where it does not say its effects, they are all that the set may have. */
export const SetTool = Type.Object({
  name: Type.String({ minLength: 1, maxLength: 256, description: "Within the set, and its source. The model sees it with the set's id before it." }),
  source: Type.Optional(
    Type.String({
      pattern: "^[a-z0-9][a-z0-9-]{0,30}$",
      description: "Whose tool it is where a set brings those of several, such as a server's name: what it says and answers are that one's words.",
    }),
  ),
  ...ToolDescriptor.properties,
  effects: Type.Optional(ToolDescriptor.properties.effects),
});
export type SetTool = Static<typeof SetTool>;

export const ToolProblem = Type.Object({
  what: Type.String({ maxLength: 256, description: "A tool, a source or a set." }),
  code: Type.String({ maxLength: 64 }),
  message: Type.String({ maxLength: 1_000 }),
});
export type ToolProblem = Static<typeof ToolProblem>;

/** Of a set, `which` tool is meant. */
const which = { tool: Type.String({ maxLength: 256 }), source: Type.Optional(Type.String({ maxLength: 32 })) };

export const toolSet = defineContract({
  id: "plinth.tool-set",
  version: "1.0.0",
  title: "Tool set",
  summary: "Tools whose list is only known when the host runs, such as those of a server. Models see `SET__TOOL`, or `SET__SOURCE__TOOL`.",
  cardinality: "many",
  selection: "by-id",
  descriptor: Type.Object({
    title: Type.String({ maxLength: 200 }),
    description: Type.Optional(Type.String({ maxLength: 2_000, description: "For people: whose tools these are." })),
    effects: Type.Array(Effect, {
      description: "All that any of its tools can do. A tool that says more is left out; one that says nothing is taken to do all of it.",
    }),
  }),
  methods: {
    list: {
      summary: "The tools there are now, a page at a time. A source that cannot be reached is a problem, not an error.",
      input: Type.Object({ cursor: Type.Optional(Type.String({ maxLength: 1_024 })) }),
      output: Type.Object({
        tools: Type.Array(SetTool, { maxItems: 1_000 }),
        next: Type.Optional(Type.String({ maxLength: 1_024, description: "Cursor of the next page." })),
        problems: Type.Optional(Type.Array(ToolProblem, { maxItems: 100 })),
      }),
      deadlineMs: 60_000,
      idempotent: true,
    },
    ...toolMethods(which),
  },
  hooks: {
    "tools.changed": {
      summary: "The list of a tool set is another one now. Fired by the set.",
      mode: "observe",
      payload: Type.Object({ set: Type.String({ maxLength: 64, description: "Its id." }) }),
      deadlineMs: 5_000,
      failure: "open",
    },
  },
  errors: {
    PLINTH_TOOL_INPUT: "The arguments do not fit the schema.",
    PLINTH_TOOL_UNKNOWN: "The set has no such tool now.",
    PLINTH_TOOL_SOURCE: "What the tool is a part of, such as a server, cannot be reached.",
  },
});
