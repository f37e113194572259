import Type, { type Static } from "typebox";
import { defineContract } from "../../define.ts";
import { modelErrors } from "./failures.ts";
import { asked, forPurpose, MeteredUsage, named } from "./purpose.ts";

const count = Type.Optional(Type.Integer({ minimum: 1 }));

export const RerankModel = Type.Object({
  ...named,
  maxInputTokens: Type.Optional(Type.Integer({ minimum: 1, description: "Of the query and one document together." })),
  maxDocuments: count,
});
export type RerankModel = Static<typeof RerankModel>;

export const RerankRequest = Type.Object({
  ...asked,
  query: Type.String({ minLength: 1 }),
  documents: Type.Array(Type.String(), { minItems: 1, maxItems: 1_000 }),
  top: Type.Optional(Type.Integer({ minimum: 1, description: "So many of the best. Default: all." })),
  truncate: Type.Optional(Type.Boolean({ description: "true: what is too long is cut. Default: PLINTH_MODEL_CONTEXT." })),
});
export type RerankRequest = Static<typeof RerankRequest>;

const { descriptor, status, models } = forPurpose(RerankModel);

export const rerank = defineContract({
  id: "plinth.rerank",
  version: "1.0.0",
  title: "Rerank",
  summary: "Puts documents in order by how well they answer a query.",
  cardinality: "many",
  selection: "first-healthy",
  choice: true,
  descriptor,
  methods: {
    status,
    models,
    rerank: {
      summary: "The documents by their place in the request, the best first, each at most once.",
      input: RerankRequest,
      output: Type.Object({
        model: Type.String({ maxLength: 512 }),
        results: Type.Array(
          Type.Object({
            index: Type.Integer({ minimum: 0 }),
            score: Type.Number({ description: "Higher is better. To be held against scores of the same answer only." }),
          }),
        ),
        usage: Type.Optional(MeteredUsage),
      }),
      deadlineMs: 60_000,
      idempotent: true,
    },
  },
  errors: modelErrors,
});
