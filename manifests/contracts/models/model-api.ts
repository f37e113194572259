import Type, { type Static } from "typebox";
import { defineContract } from "../../define.ts";
import { ModelEvent } from "./event.ts";
import { modelErrors } from "./failures.ts";
import { ModelInfo } from "./model.ts";
import { MessageRepair, ModelRequest } from "./request.ts";

/** Where and how a vendor's server is reached, after configuration and environment had their say. */
export const ModelEndpoint = Type.Object({
  vendor: Type.String({ maxLength: 128, description: "The vendor's id." }),
  title: Type.String({ maxLength: 200, description: "As errors name it." }),
  baseUrl: Type.String({ maxLength: 2_048, description: "Without a slash at its end." }),
  headers: Type.Record(Type.String(), Type.String(), { description: "With handles in the place of secrets; the host puts these in on the way out." }),
  quirks: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
  models: Type.Optional(Type.Array(ModelInfo)),
});
export type ModelEndpoint = Static<typeof ModelEndpoint>;

const endpoint = ModelEndpoint;

/** One wire protocol. */
export const modelApi = defineContract({
  id: "plinth.model-api",
  version: "1.0.0",
  title: "Model API",
  summary: "The code of one wire protocol of models, for every vendor that speaks it.",
  cardinality: "many",
  selection: "by-id",
  choice: true,
  descriptor: Type.Object({
    title: Type.String(),
    quirks: Type.Optional(
      Type.Record(Type.String({ maxLength: 64 }), Type.String({ maxLength: 500 }), {
        description: "The switches that vendors may set, and what each does.",
      }),
    ),
  }),
  methods: {
    stream: {
      summary: "One completion. Ends with exactly one `end` item, or throws a coded error.",
      input: Type.Object({ endpoint, request: ModelRequest }),
      stream: ModelEvent,
      deadlineMs: 120_000,
    },
    models: {
      summary: "What the server says that it has.",
      input: Type.Object({ endpoint }),
      output: Type.Object({ models: Type.Array(ModelInfo) }),
      deadlineMs: 15_000,
      idempotent: true,
    },
    countTokens: {
      summary: "How many tokens a request would read, by the server's own count.",
      input: Type.Object({ endpoint, request: ModelRequest }),
      output: Type.Object({ inputTokens: Type.Integer({ minimum: 0 }) }),
      deadlineMs: 30_000,
      idempotent: true,
      optional: true,
    },
    repairs: {
      summary: "What it would change in the messages of a request before it sends them. Sends nothing.",
      input: Type.Object({ endpoint, request: ModelRequest }),
      output: Type.Object({ repairs: Type.Array(MessageRepair) }),
      deadlineMs: 10_000,
      idempotent: true,
      optional: true,
    },
  },
  errors: modelErrors,
});
