import Type, { type Static, type TProperties } from "typebox";
import { defineContract, openUnion } from "../../define.ts";
import { ContentPart } from "../content/part.ts";
import { ActionSubject, Effect } from "../host/action.ts";

const flag = (description: string) => Type.Optional(Type.Boolean({ description }));

/** What a tool can be for. */
export const ToolKind = Type.Enum([
  ...(["fs", "exec", "web", "messaging", "spend", "admin"] as const),
  ...(["agents", "automation", "browser", "media", "memory", "sessions", "ui"] as const),
]);

export const ToolResult = Type.Object({
  content: Type.Array(ContentPart),
  structured: Type.Optional(Type.Unknown({ description: "The same as data. The model reads it where `content` is empty." })),
  isError: Type.Optional(Type.Boolean({ description: "The call failed in a way the model can react to." })),
  details: Type.Optional(Type.Unknown({ description: "Data for surfaces; never sent to the model." })),
  summary: Type.Optional(Type.String({ maxLength: 2_000, description: "For people: what was done, in a sentence." })),
  outside: Type.Optional(
    Type.Boolean({ description: "true: it holds text of others, such as a fetched page. The tool says so with `ctx.lower` too." }),
  ),
});
export type ToolResult = Static<typeof ToolResult>;

/** What is said of a tool before it is called. What is not said is the careful answer: it may change things, and reaches others. */
export const ToolDescriptor = Type.Object({
  title: Type.Optional(Type.String({ maxLength: 200, description: "Name for people." })),
  description: Type.String({ maxLength: 16_384, description: "For the model: what it does and when to use it." }),
  input: Type.Unsafe<Record<string, unknown>>(
    Type.Object({ type: Type.Literal("object") }, { additionalProperties: true, description: "JSON Schema of the arguments." }),
  ),
  output: Type.Optional(
    Type.Unsafe<Record<string, unknown>>(
      Type.Object({}, { additionalProperties: true, description: "JSON Schema of `structured`; a result that does not fit it is an error." }),
    ),
  ),
  effects: Type.Array(Effect, { description: "What a call can do; [] for a pure function. The host decides by it what others' words may do." }),
  kinds: Type.Optional(
    Type.Array(ToolKind, {
      maxItems: 16,
      uniqueItems: true,
      description: "What it is for: owners allow and deny tools by it. Default: as `effects` say; another publisher's are of those kinds as well.",
    }),
  ),
  optional: flag("Not there until an owner turns it on, in the configuration of the tool policy."),
  touches: Type.Optional(
    Type.Object(
      {
        paths: Type.Optional(Type.Array(Type.String({ maxLength: 1_024 }), { maxItems: 64 })),
        hosts: Type.Optional(Type.Array(Type.String({ maxLength: 256 }), { maxItems: 64 })),
      },
      { description: "What the effects reach, as far as the arguments tell, with {argument} places: `{path}`, `api.example.com`. Shown to owners." },
    ),
  ),
  readOnly: flag("Changes nothing. Default: as `effects` say."),
  destructive: flag("What it changes may be lost. Default: true where it changes something."),
  idempotent: flag("The same call again changes nothing more. Default: false."),
  openWorld: flag("Meets what is outside of this machine. Default: true where `effects` has net, send, spend or exec."),
  approval: Type.Optional(
    Type.Enum(["never", "ask", "by-policy"], {
      description:
        "by-policy (default): the host's policy decides. ask: an owner is asked each time. never: no question; the product's own tools only.",
    }),
  ),
  hidden: flag("Not offered to models; only called by name by whoever knows it."),
  deferred: flag("Not told to models with each request; they find it with `tool_search`."),
  parallel: flag("Calls of it may run side by side with others of one answer. Default: true where it only reads."),
  ownerOnly: flag("Called in an owner's work only."),
  surfaces: Type.Optional(
    Type.Array(Type.String({ maxLength: 64 }), { maxItems: 32, description: "Offered only where the turn came from one of these." }),
  ),
  timeoutMs: Type.Optional(Type.Integer({ minimum: 100, maximum: 600_000, description: "Longest run of one call; the harness may allow less." })),
  progress: flag("Provides `run`, which tells how far it is and can ask. Without it `call` is used."),
  secretsInArgs: Type.Optional(
    Type.Array(Type.String({ maxLength: 128 }), { maxItems: 32, description: "Names of arguments that logs and events show masked." }),
  ),
  examples: Type.Optional(
    Type.Array(Type.Object({ args: Type.Record(Type.String(), Type.Unknown()), summary: Type.Optional(Type.String({ maxLength: 200 })) }), {
      maxItems: 16,
    }),
  ),
  say: Type.Optional(
    Type.Array(Type.String(), {
      description: "Plain sentences that mean this tool, with {argument} places, such as `weather in {city}`. The offline model uses them.",
    }),
  ),
});
export type ToolDescriptor = Static<typeof ToolDescriptor>;

/** What a call is told besides its arguments. */
export const ToolCallInput = Type.Object({
  args: Type.Record(Type.String(), Type.Unknown()),
  callId: Type.Optional(Type.String({ maxLength: 256, description: "Of this call, within its run." })),
  agent: Type.Optional(Type.String()),
  sessionKey: Type.Optional(Type.String()),
  runId: Type.Optional(Type.String()),
  workspace: Type.Optional(Type.String({ description: "Absolute path of the folder that the conversation works in." })),
  locale: Type.Optional(Type.String({ maxLength: 64, description: "BCP 47, such as de-DE: in which the person reads." })),
});
export type ToolCallInput = Static<typeof ToolCallInput>;

/** What a tool asks in the middle of a call. */
export const ToolQuestion = Type.Object({
  id: Type.String({ maxLength: 64, description: "Of the question, within the call." }),
  message: Type.String({ maxLength: 4_000 }),
  schema: Type.Optional(
    Type.Unsafe<Record<string, unknown>>(
      Type.Object({ type: Type.Literal("object") }, { additionalProperties: true, description: "A form's fields." }),
    ),
  ),
  options: Type.Optional(
    Type.Array(Type.Object({ id: Type.String({ maxLength: 64 }), label: Type.String({ maxLength: 200 }) }), { minItems: 1, maxItems: 32 }),
  ),
  url: Type.Optional(Type.String({ maxLength: 8_192, description: "A page where the person goes on, such as a sign-in." })),
});
export type ToolQuestion = Static<typeof ToolQuestion>;

export const ToolAnswer = Type.Object({
  callId: Type.String({ maxLength: 256 }),
  id: Type.String({ maxLength: 64, description: "The question's." }),
  answer: Type.Enum(["chosen", "declined", "cancelled", "expired"], { description: "Only `chosen` is an answer." }),
  option: Type.Optional(Type.String({ maxLength: 64 })),
  values: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
  code: Type.Optional(Type.String({ maxLength: 64, description: "Why nobody was asked, such as `PLINTH_INTERACTION_FORBIDDEN`." })),
});
export type ToolAnswer = Static<typeof ToolAnswer>;

/** What a running call tells. Exactly one `result`, the last. Pass over what you do not know. */
export const ToolItem = openUnion("type", [
  Type.Object({
    type: Type.Literal("progress"),
    text: Type.Optional(Type.String({ maxLength: 2_000 })),
    done: Type.Optional(Type.Number()),
    total: Type.Optional(Type.Number()),
  }),
  Type.Object({
    type: Type.Literal("output"),
    text: Type.String({ description: "What it writes as it runs, for people; the result says it to the model." }),
  }),
  Type.Object({ type: Type.Literal("ask"), question: ToolQuestion }, { description: "It waits until `answer` is called." }),
  Type.Object({ type: Type.Literal("result"), result: ToolResult }),
]);
export type ToolItem = Static<typeof ToolItem>;

/** The methods that a tool and a set of tools share; `which` is what names the tool in a set. */
export const toolMethods = <P extends TProperties>(which: P) => {
  const input = Type.Object({ ...which, ...ToolCallInput.properties });
  return {
    call: {
      summary: "Run once. The arguments were validated against the descriptor's schema. Ends within a second of being cancelled.",
      input,
      output: ToolResult,
      deadlineMs: 600_000,
      guarded: true,
    },
    run: {
      summary: "The same, telling how far it is. For tools whose descriptor says `progress`.",
      input,
      stream: ToolItem,
      deadlineMs: 600_000,
      guarded: true,
      optional: true,
    },
    answer: {
      summary: "What a person answered to a question of a running call.",
      input: Type.Object({ ...which, ...ToolAnswer.properties }),
      output: Type.Object({}),
      deadlineMs: 10_000,
      optional: true,
    },
    subject: {
      summary:
        "What exactly a call would run, for an owner who is asked; changes nothing. The same arguments give the same subject while it is the same.",
      input: Type.Object({ ...which, args: Type.Record(Type.String(), Type.Unknown()), workspace: Type.Optional(Type.String()) }),
      output: ActionSubject,
      deadlineMs: 10_000,
      idempotent: true,
      optional: true,
    },
  } as const;
};

export const tool = defineContract({
  id: "plinth.tool",
  version: "1.0.0",
  title: "Tool",
  summary: "Something a model can call. The capability's id is the name that the model sees.",
  cardinality: "many",
  selection: "by-id",
  descriptor: ToolDescriptor,
  methods: toolMethods({}),
  errors: {
    PLINTH_TOOL_INPUT: "The arguments do not fit the schema.",
    PLINTH_TOOL_RESULT: "The result is none, or does not fit the output schema.",
  },
});
