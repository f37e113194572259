import Type from "typebox";
import { defineContract } from "../../define.ts";
import { ModelEvent } from "./event.ts";
import { ModelMessage } from "./message.ts";

export const ModelTool = Type.Object({
  name: Type.String(),
  description: Type.String(),
  input: Type.Record(Type.String(), Type.Unknown()),
  say: Type.Optional(Type.Array(Type.String())),
});

export const modelProvider = defineContract({
  id: "plinth.model-provider",
  version: "1.0.0",
  title: "Model provider",
  summary: "Streams completions of one or more models.",
  cardinality: "many",
  selection: "first-healthy",
  choice: true,
  descriptor: Type.Object({
    title: Type.String(),
    priority: Type.Integer({ description: "Order of the automatic choice: the lowest ready one wins." }),
    local: Type.Optional(Type.Boolean({ description: "Runs on this machine." })),
    models: Type.Optional(Type.Array(Type.Object({ id: Type.String(), contextTokens: Type.Optional(Type.Integer()) }))),
  }),
  methods: {
    status: {
      summary: "Whether it could answer now, cheaply (key present, server answers); never a model call.",
      input: Type.Object({}),
      output: Type.Object({
        ready: Type.Boolean(),
        reason: Type.Optional(Type.String()),
        defaultModel: Type.Optional(Type.String()),
      }),
      deadlineMs: 2_000,
      idempotent: true,
    },
    models: {
      summary: "The models on offer.",
      input: Type.Object({}),
      output: Type.Object({
        models: Type.Array(Type.Object({ id: Type.String(), contextTokens: Type.Optional(Type.Integer()) })),
      }),
      deadlineMs: 15_000,
      idempotent: true,
    },
    stream: {
      summary: "One completion. Ends with exactly one `end` item, or throws a coded error.",
      input: Type.Object({
        model: Type.String(),
        system: Type.Optional(Type.String()),
        messages: Type.Array(ModelMessage),
        tools: Type.Optional(Type.Array(ModelTool)),
        maxOutputTokens: Type.Optional(Type.Integer({ minimum: 1 })),
        temperature: Type.Optional(Type.Number({ minimum: 0 })),
        sessionKey: Type.Optional(Type.String()),
      }),
      stream: ModelEvent,
      deadlineMs: 120_000,
    },
  },
  errors: {
    PLINTH_MODEL_AUTH: "The key is missing or was refused (401, 403).",
    PLINTH_MODEL_RATE: "Too many requests (429); retryable.",
    PLINTH_MODEL_SERVER: "The server failed (5xx) or cannot be reached; retryable.",
    PLINTH_MODEL_REQUEST: "The server refused the request (other 4xx), such as an unknown model.",
    PLINTH_MODEL_STREAM: "The answer was not what the protocol says, or was cut.",
  },
});
