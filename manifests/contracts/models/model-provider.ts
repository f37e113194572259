import Type from "typebox";
import { defineContract } from "../../define.ts";
import { ModelEvent } from "./event.ts";
import { modelErrors } from "./failures.ts";
import { ModelInfo } from "./model.ts";
import { providing, readiness } from "./provider.ts";
import { ModelRequest } from "./request.ts";

const { model, system, messages, tools } = ModelRequest.properties;

export const modelProvider = defineContract({
  id: "plinth.model-provider",
  version: "1.0.0",
  title: "Model provider",
  summary: "Streams completions of one or more models.",
  cardinality: "many",
  selection: "first-healthy",
  choice: true,
  descriptor: Type.Object({
    ...providing,
    standIn: Type.Optional(Type.Boolean({ description: "It answers only so that something does: a real one is wanted." })),
    models: Type.Optional(Type.Array(ModelInfo)),
  }),
  methods: {
    status: {
      summary: "Whether it could answer now, cheaply (key present, server answers); never a model call.",
      input: Type.Object({}),
      output: readiness,
      deadlineMs: 2_000,
      idempotent: true,
    },
    models: {
      summary: "The models on offer.",
      input: Type.Object({}),
      output: Type.Object({ models: Type.Array(ModelInfo) }),
      deadlineMs: 15_000,
      idempotent: true,
    },
    stream: {
      summary: "One completion. Ends with exactly one `end` item, or throws a coded error.",
      input: ModelRequest,
      stream: ModelEvent,
      deadlineMs: 120_000,
    },
    countTokens: {
      summary: "How many tokens a request would read, by the model's own tokenizer.",
      input: Type.Object({ model, system, messages, tools }),
      output: Type.Object({ inputTokens: Type.Integer({ minimum: 0 }) }),
      deadlineMs: 30_000,
      idempotent: true,
      optional: true,
    },
  },
  errors: modelErrors,
});
