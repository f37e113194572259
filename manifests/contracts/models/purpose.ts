import Type, { type Static, type TObject } from "typebox";
import { Usage, WarningItem } from "./event.ts";
import { ModelInfo } from "./model.ts";
import { ModelEndpoint } from "./model-api.ts";
import { providing, readiness } from "./provider.ts";
import { ModelRequest } from "./request.ts";

const { inputTokens, outputTokens, cost } = Usage.properties;
const { id, title, family, aliases, deprecatedAt, replacedBy } = ModelInfo.properties;
const counted = (description: string) => Type.Optional(Type.Number({ minimum: 0, description }));

/** What is known of every model, whatever it is for. */
export const named = { id, title, family, aliases, deprecatedAt, replacedBy };

/** A language's tag, such as `en` or `pt-BR`. */
export const language = Type.String({ minLength: 2, maxLength: 35 });

/** What one call took, in whatever its vendor counts. Absent is not known, and not zero. */
export const MeteredUsage = Type.Object({
  inputTokens: Type.Optional(inputTokens),
  outputTokens: Type.Optional(outputTokens),
  characters: counted("Of text that was read or said."),
  seconds: counted("Of sound or film that was read or made."),
  images: counted("That were read or made."),
  searches: counted("Of reranking, as vendors bill it."),
  credits: counted("Of the vendor's own money."),
  computeSeconds: counted("Of a machine."),
  cost,
});

export type MeteredUsage = Static<typeof MeteredUsage>;

export const UsageItem = Type.Object({ type: Type.Literal("usage"), usage: MeteredUsage });

/** What may stand in the stream of every such model. */
export const besides = [UsageItem, WarningItem] as const;

const { models: _, ...reached } = ModelEndpoint.properties;
const known = { id: Type.String({ minLength: 1, maxLength: 256 }) };

/** As that of a `plinth.model-api`. Its models and voices are those of the purpose, as the vendor's data has them. */
export const PurposeEndpoint = Type.Object({
  ...reached,
  models: Type.Optional(Type.Array(Type.Object(known), { description: "As the contract's `models` tells them, the default first." })),
  voices: Type.Optional(Type.Array(Type.Object(known), { description: "Of speech: as `voices` tells them, the default first." })),
});
export type PurposeEndpoint = Static<typeof PurposeEndpoint>;

const endpoint = Type.Optional(PurposeEndpoint);

/** What every request of such a model may say. */
export const asked = {
  model: Type.Optional(Type.String({ maxLength: 512, description: "Default: the provider's." })),
  endpoint,
  vendor: ModelRequest.properties.vendor,
  onUnsupported: ModelRequest.properties.onUnsupported,
};

/**
 * What the contracts of models for one purpose have in common. A provider answers by itself, or with `api` for any vendor's
 * server: then every input has the `endpoint`.
 *
 * @param Info what is known of one of its models
 */
export const forPurpose = <Info extends TObject>(Info: Info) => ({
  descriptor: Type.Object({
    ...providing,
    api: Type.Optional(Type.Boolean({ description: "It speaks to the server of whichever vendor names it; every input has an `endpoint`." })),
    quirks: Type.Optional(
      Type.Record(Type.String({ maxLength: 64 }), Type.String({ maxLength: 500 }), {
        description: "With `api`: the switches that vendors may set, and what each does.",
      }),
    ),
    models: Type.Optional(Type.Array(Info)),
  }),
  status: {
    summary: "Whether it could answer now, cheaply (key present, server answers); never a model call.",
    input: Type.Object({ endpoint }),
    output: readiness,
    deadlineMs: 2_000,
    idempotent: true,
  },
  models: {
    summary: "The models on offer.",
    input: Type.Object({ endpoint }),
    output: Type.Object({ models: Type.Array(Info) }),
    deadlineMs: 15_000,
    idempotent: true,
  },
});
