import Type, { type Static } from "typebox";
import { defineContract } from "../../define.ts";
import { ContentPart } from "../content/part.ts";
import { modelErrors } from "./failures.ts";
import { ModelInfo } from "./model.ts";
import { asked, forPurpose, MeteredUsage, named } from "./purpose.ts";

const Form = Type.Enum(["float32", "int8", "bits"]);
const count = Type.Optional(Type.Integer({ minimum: 1 }));

export const EmbeddingModel = Type.Object({
  ...named,
  dimensions: Type.Optional(Type.Integer({ minimum: 1, description: "Of its vectors, where nothing else is asked for." })),
  shorter: Type.Optional(Type.Array(Type.Integer({ minimum: 1 }), { maxItems: 32, description: "Other dimensions that it can be asked for." })),
  forms: Type.Optional(Type.Array(Form, { description: "Absent: float32." })),
  input: ModelInfo.properties.input,
  maxInputTokens: count,
  price: Type.Optional(Type.Number({ minimum: 0, description: "In US dollars, for a million tokens." })),
});
export type EmbeddingModel = Static<typeof EmbeddingModel>;

export const EmbeddingRequest = Type.Object({
  ...asked,
  inputs: Type.Array(Type.Array(ContentPart, { minItems: 1, maxItems: 64 }), {
    minItems: 1,
    maxItems: 128,
    description: "Each becomes one vector. A provider whose server takes fewer at once asks it several times.",
  }),
  purpose: Type.Optional(
    Type.Enum(["query", "document", "similarity", "classification", "clustering"], {
      description: "What the vectors are for. Those of a `query` are held against those of a `document`.",
    }),
  ),
  dimensions: count,
  form: Type.Optional(Form),
  truncate: Type.Optional(Type.Boolean({ description: "true: what is too long is cut. Default: PLINTH_MODEL_CONTEXT." })),
});
export type EmbeddingRequest = Static<typeof EmbeddingRequest>;

const { descriptor, status, models } = forPurpose(EmbeddingModel);

export const embedding = defineContract({
  id: "plinth.embedding",
  version: "1.0.0",
  title: "Embedding",
  summary: "Makes vectors of texts and pictures: what means alike lies close together.",
  cardinality: "many",
  selection: "first-healthy",
  choice: true,
  descriptor,
  methods: {
    status,
    models,
    embed: {
      summary: "One vector for each input, in their order: of all, or a coded error.",
      input: EmbeddingRequest,
      output: Type.Object({
        model: Type.String({ maxLength: 512, description: "That made them." }),
        identity: Type.String({
          minLength: 1,
          maxLength: 512,
          description:
            "Vectors of one identity can be held against each other; those of another can not, and an index of them has to be made anew. The same for every purpose.",
        }),
        dimensions: Type.Integer({ minimum: 1 }),
        form: Form,
        vectors: Type.Array(
          Type.String({
            description:
              "In base64: numbers of 32 bits, least byte first, of length one together; or of 8 bits, signed; or bits, the first of a byte in its highest place.",
          }),
        ),
        usage: Type.Optional(MeteredUsage),
      }),
      deadlineMs: 120_000,
      idempotent: true,
    },
  },
  errors: modelErrors,
});
