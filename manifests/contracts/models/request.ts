import Type, { type Static } from "typebox";
import { TextPart } from "../content/part.ts";
import { ModelMessage } from "./message.ts";

export const ModelTool = Type.Object({
  name: Type.String(),
  description: Type.String(),
  input: Type.Record(Type.String(), Type.Unknown()),
  strict: Type.Optional(Type.Boolean({ description: "The arguments must fit the schema; where the model can be bound to it." })),
  say: Type.Optional(Type.Array(Type.String())),
  extension: Type.Optional(Type.String({ maxLength: 256, description: "Whose it is, as people are told where a server refuses it." })),
});
export type ModelTool = Static<typeof ModelTool>;

/** One request of a completion, in the words of no protocol. */
export const ModelRequest = Type.Object({
  model: Type.String(),
  system: Type.Optional(Type.Array(TextPart, { description: "Instructions, in order. `cache` on one: what stands up to here stays the same." })),
  messages: Type.Array(ModelMessage),
  tools: Type.Optional(Type.Array(ModelTool)),
  toolChoice: Type.Optional(
    Type.Union([Type.Enum(["auto", "none", "required"]), Type.Object({ name: Type.String() })], { description: "Default: auto." }),
  ),
  parallelTools: Type.Optional(Type.Boolean({ description: "false: at most one call in one answer." })),
  serverTools: Type.Optional(
    Type.Array(Type.Object({ id: Type.String({ maxLength: 64 }), options: Type.Optional(Type.Record(Type.String(), Type.Unknown())) }), {
      maxItems: 32,
      description: "The provider's own tools, such as web-search, which it runs itself.",
    }),
  ),
  output: Type.Optional(
    Type.Union(
      [
        Type.Enum(["text", "json"]),
        Type.Object({
          schema: Type.Record(Type.String(), Type.Unknown()),
          name: Type.Optional(Type.String({ maxLength: 64 })),
          strict: Type.Optional(Type.Boolean()),
        }),
      ],
      { description: "Default: text." },
    ),
  ),
  maxOutputTokens: Type.Optional(Type.Integer({ minimum: 1 })),
  temperature: Type.Optional(Type.Number({ minimum: 0 })),
  topP: Type.Optional(Type.Number({ minimum: 0, maximum: 1 })),
  stop: Type.Optional(Type.Array(Type.String({ minLength: 1 }), { maxItems: 16 })),
  seed: Type.Optional(Type.Integer()),
  thinking: Type.Optional(
    Type.Union(
      [
        Type.Literal("off"),
        Type.Object({ effort: Type.String({ maxLength: 64, description: "One of the model's own, such as low, medium, high." }) }),
        Type.Object({ budgetTokens: Type.Integer({ minimum: 1 }) }),
      ],
      { description: "Default: the model's." },
    ),
  ),
  cacheKey: Type.Optional(
    Type.String({ maxLength: 256, description: "Requests with the same key begin alike: the provider may keep them together." }),
  ),
  metadata: Type.Optional(Type.Record(Type.String(), Type.String({ maxLength: 512 }))),
  vendor: Type.Optional(
    Type.Record(Type.String(), Type.Unknown(), { description: "By the id of a provider, fields of its own protocol. Others do not read them." }),
  ),
  onUnsupported: Type.Optional(
    Type.Enum(["refuse", "drop"], {
      description: "What becomes of a field or part that the model cannot take. refuse (default): PLINTH_MODEL_UNSUPPORTED. drop: a `warning` each.",
    }),
  ),
});
export type ModelRequest = Static<typeof ModelRequest>;

const { maxOutputTokens, temperature, topP, stop, seed, thinking, output, toolChoice, parallelTools } = ModelRequest.properties;

/** Something that is changed in a message on its way to a server, which would refuse it as it is. */
export const MessageRepair = Type.Object({
  code: Type.String({ maxLength: 64, description: "Such as text, call-id, unanswered-call, orphan-result, empty, order, tools-as-text." }),
  message: Type.Optional(Type.Integer({ minimum: 0, description: "Which of the request's messages; absent: none of them." })),
  said: Type.String({ maxLength: 500, description: "One sentence." }),
});
export type MessageRepair = Static<typeof MessageRepair>;

/** How answers are to be made, in the words of no protocol. What is left out is the model's own. */
export const ModelOptions = Type.Object({ maxOutputTokens, temperature, topP, stop, seed, thinking, output, toolChoice, parallelTools });
export type ModelOptions = Static<typeof ModelOptions>;
