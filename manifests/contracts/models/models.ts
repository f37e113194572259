import Type, { type Static } from "typebox";
import { defineContract, openUnion } from "../../define.ts";
import { Needs } from "../needs.ts";
import { modelItems, RateLimit } from "./event.ts";
import { modelErrors } from "./failures.ts";
import { ModelInfo } from "./model.ts";
import { readiness, Unbilled } from "./provider.ts";
import { MessageRepair, ModelRequest } from "./request.ts";

const provider = Type.String({ minLength: 1, maxLength: 128, description: "Id of a provider, a vendor, or a server of the configuration." });

const purpose = Type.Optional(
  Type.String({
    maxLength: 128,
    description: "A contract of models for one purpose, such as `plinth.embedding`. Default: models that answer a conversation.",
  }),
);

/** Somebody whom models can be asked of: code of its own, or a vendor's data with the code of its protocol. */
export const ModelSource = Type.Object({
  id: provider,
  title: Type.String({ maxLength: 200 }),
  extension: Type.String({ description: "Whose it is." }),
  api: Type.Optional(Type.String({ description: "Of a vendor or server: the protocol." })),
  priority: Type.Integer({ description: "Order of the automatic choice: the lowest that is set up wins." }),
  trusted: Type.Boolean({ description: "Of the product; others answer where they are named and never by themselves." }),
  local: Type.Optional(Type.Boolean()),
  unbilled: Type.Optional(Unbilled),
  standIn: Type.Optional(Type.Boolean({ description: "It answers only so that something does." })),
  needs: Type.Optional(Needs),
  website: Type.Optional(Type.String()),
});
export type ModelSource = Static<typeof ModelSource>;

/** One model at one provider. */
export const ModelChoice = Type.Object({
  name: Type.String({ maxLength: 512, description: "provider/model" }),
  provider,
  model: Type.String({ minLength: 1, maxLength: 256 }),
  maker: Type.String({ description: "extension/provider, whose opaque parts are its own." }),
  info: Type.Optional(ModelInfo),
  mostTools: Type.Optional(Type.Integer({ minimum: 1, description: "Of `choose`: so many tools its server takes. Absent: no bound is known." })),
});
export type ModelChoice = Static<typeof ModelChoice>;

export const ModelsEvent = openUnion("type", [
  Type.Object(
    { type: Type.Literal("model"), ...ModelChoice.properties },
    { description: "Who is asked, before anything of the answer; again where somebody else is asked instead." },
  ),
  Type.Object(
    { type: Type.Literal("again"), code: Type.String(), message: Type.String(), afterMs: Type.Integer({ minimum: 0 }) },
    { description: "It failed before it had said anything, and is asked again, maybe with another credential, or the next one is." },
  ),
  Type.Object(
    { type: Type.Literal("waiting"), message: Type.String() },
    { description: "The owner is asked whether this may be spent. Comes again while that goes on." },
  ),
  ...modelItems,
]);
export type ModelsEvent = Static<typeof ModelsEvent>;

const model = Type.String({
  minLength: 1,
  maxLength: 512,
  description: "An alias, `auto`, `provider/auto` or `provider/model`; `@provider:name` behind the last two names a credential of it.",
});
const whose = {
  agent: Type.Optional(Type.String({ maxLength: 128 })),
  sessionKey: Type.Optional(Type.String({ maxLength: 256 })),
};
const fallbacks = Type.Optional(
  Type.Array(model, {
    maxItems: 16,
    description: "Asked one after the other where the one before cannot answer. Default: those of the configuration.",
  }),
);

/** What whoever wants an answer of a model asks: it knows them all, chooses, and goes on with another where one fails. */
export const models = defineContract({
  id: "plinth.models",
  version: "1.0.0",
  title: "Models",
  summary: "All models that there are: which of them is meant, whether it can answer, and its answer, from another where it fails.",
  cardinality: "one",
  selection: "by-id",
  descriptor: Type.Object({ title: Type.String({ maxLength: 200 }) }),
  methods: {
    sources: {
      summary: "Who offers models, in the order of the automatic choice. Runs no code of theirs.",
      input: Type.Object({ for: purpose }),
      output: Type.Object({ sources: Type.Array(ModelSource) }),
      deadlineMs: 5_000,
      idempotent: true,
    },
    status: {
      summary: "Whether one is set up, and answers as far as that can be seen without a model call.",
      input: Type.Object({ provider, for: purpose }),
      output: Type.Object({
        ...readiness.properties,
        configured: Type.Boolean({ description: "Somebody set it up: it counts for the automatic choice, also where it does not answer." }),
        limits: Type.Optional(Type.Array(RateLimit, { maxItems: 16, description: "What its server said of them when it answered last." })),
        limitsAt: Type.Optional(Type.Number({ description: "When that was, in milliseconds since the epoch." })),
      }),
      deadlineMs: 5_000,
      idempotent: true,
    },
    models: {
      summary: "The models of one: what is known of them, and what its server says that it has.",
      input: Type.Object({ provider }),
      output: Type.Object({ models: Type.Array(ModelInfo) }),
      deadlineMs: 20_000,
      idempotent: true,
    },
    choose: {
      summary: "Who would be asked, in order.",
      input: Type.Object({ model, fallbacks, ...whose }),
      output: Type.Object({ choices: Type.Array(ModelChoice, { minItems: 1 }) }),
      deadlineMs: 10_000,
      idempotent: true,
    },
    stream: {
      summary: "One completion. Ends with exactly one `end` item, or throws a coded error.",
      input: Type.Object({
        ...ModelRequest.properties,
        model,
        fallbacks,
        ...whose,
        retries: Type.Optional(Type.Integer({ minimum: 0, maximum: 10, description: "How often one is asked again. Default 2." })),
        retryBaseMs: Type.Optional(
          Type.Integer({ minimum: 1, description: "Before the first of these; doubled for each further one. Default 500." }),
        ),
      }),
      stream: ModelsEvent,
      deadlineMs: 180_000,
    },
    countTokens: {
      summary: "How many tokens a request would read, where the model's provider can tell.",
      input: Type.Object({
        model,
        system: ModelRequest.properties.system,
        messages: ModelRequest.properties.messages,
        tools: ModelRequest.properties.tools,
        ...whose,
      }),
      output: Type.Object({ inputTokens: Type.Optional(Type.Integer({ minimum: 0, description: "Absent: it cannot tell." })) }),
      deadlineMs: 30_000,
      idempotent: true,
    },
    repairs: {
      summary: "What is changed in these messages on their way to a model's server. Nobody is asked, and nothing is changed.",
      input: Type.Object({ model, messages: ModelRequest.properties.messages, ...whose }),
      output: Type.Object({ name: Type.String({ description: "provider/model" }), repairs: Type.Array(MessageRepair) }),
      deadlineMs: 10_000,
      idempotent: true,
      optional: true,
    },
  },
  errors: {
    ...modelErrors,
    PLINTH_MODEL_NONE: "No model is set up that could answer.",
    PLINTH_MODEL_NOT_READY: "The model that is set up cannot answer.",
    PLINTH_SPENDING_LIMIT: "A limit of the owner's is reached, and nobody said that it may be passed.",
  },
});
