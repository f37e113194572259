import Type, { type Static } from "typebox";
import { openUnion } from "../../define.ts";
import { Part, ReasoningPart, ToolCallPart } from "../content/part.ts";

const tokens = (description: string) => Type.Integer({ minimum: 0, description });

/** What one model call took. Absent is not known, and not zero. */
export const Usage = Type.Object({
  inputTokens: tokens("All that was read, also what came from a cache."),
  outputTokens: tokens("All that was written, also the reasoning."),
  cacheReadTokens: Type.Optional(tokens("Of the input, what came from a cache.")),
  cacheWriteTokens: Type.Optional(tokens("Of the input, what was put into a cache.")),
  reasoningTokens: Type.Optional(tokens("Of the output, what was thought and not said.")),
  serverTools: Type.Optional(
    Type.Record(Type.String(), Type.Integer({ minimum: 0 }), { description: "Calls of the provider's own tools, by name." }),
  ),
  cost: Type.Optional(Type.Number({ minimum: 0, description: "In US dollars, where the provider says it." })),
});
export type Usage = Static<typeof Usage>;

/** How much of one of the provider's limits is left. Absent is not said. */
export const RateLimit = Type.Object({
  of: Type.String({ maxLength: 64, description: "What it counts, such as requests, tokens, input-tokens." }),
  limit: Type.Optional(Type.Integer({ minimum: 0 })),
  left: Type.Optional(Type.Integer({ minimum: 0 })),
  resetMs: Type.Optional(Type.Integer({ minimum: 0, description: "Until it begins anew." })),
});
export type RateLimit = Static<typeof RateLimit>;

/** What every stream of a model may say besides its answer. */
export const WarningItem = Type.Object(
  { type: Type.Literal("warning"), code: Type.String(), message: Type.String(), param: Type.Optional(Type.String()) },
  { description: "Something that was asked for was left out or done otherwise; `param` says which field of the request." },
);

/** The items of a completion, for the unions that hold more than these. */
export const modelItems = [
  Type.Object({ type: Type.Literal("text"), delta: Type.String() }),
  Type.Object(
    { type: Type.Literal("reasoning"), delta: Type.Optional(Type.String()), part: Type.Optional(ReasoningPart) },
    { description: "A piece to show, or with `part` the whole of what was thought since the last one, with what must go back to the model." },
  ),
  Type.Object(
    { type: Type.Literal("tool-call-start"), id: Type.String(), name: Type.String() },
    { description: "A call begins. A provider may leave it out; only `tool-call` counts." },
  ),
  Type.Object({
    type: Type.Literal("tool-call-delta"),
    id: Type.String(),
    args: Type.String({ description: "A piece of the arguments' JSON text." }),
  }),
  Type.Object({ type: Type.Literal("tool-call"), call: ToolCallPart }),
  Type.Object(
    { type: Type.Literal("part"), part: Part },
    { description: "A whole part. One of `text` stands for the deltas since the last part, and adds what they cannot carry, such as `opaque`." },
  ),
  Type.Object({ type: Type.Literal("usage"), usage: Usage }),
  Type.Object(
    { type: Type.Literal("limits"), limits: Type.Array(RateLimit, { maxItems: 16 }) },
    { description: "What the provider says of its limits, with a good answer." },
  ),
  WarningItem,
  Type.Object({
    type: Type.Literal("end"),
    reason: Type.Enum(["stop", "tool-calls", "length", "filter", "refusal", "pause"], {
      description:
        "`length`: a limit was reached. `filter`: withheld by rules. `refusal`: the model declined. `pause`: asked again as it stands, it goes on.",
    }),
  }),
] as const;

/** What a completion says, in order. Exactly one `end`, and it is the last. Whoever meets a type that it does not know passes it over. */
export const ModelEvent = openUnion("type", [...modelItems]);
export type ModelEvent = Static<typeof ModelEvent>;
