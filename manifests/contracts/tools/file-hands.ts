import Type from "typebox";
import { defineContract } from "../../define.ts";

/** What the house remembers of whose text a file holds. */
export const fileHands = defineContract({
  id: "plinth.file-hands",
  version: "1.0.0",
  title: "Hands in files",
  summary: "Remembers who besides the owner had a hand in which file, so that what a page said does not become the owner's word by lying in one.",
  cardinality: "one",
  selection: "by-id",
  descriptor: Type.Object({ title: Type.String({ maxLength: 200 }) }),
  methods: {
    of: {
      summary: "Who had a hand in each of these files. One that is not named was nobody's but the owner's and the product's.",
      input: Type.Object({
        files: Type.Array(
          Type.Object({
            path: Type.String({ minLength: 1, maxLength: 4_096, description: "Real path." }),
            ctimeMs: Type.Number({ description: "As the file's descriptor says it." }),
            mtimeMs: Type.Number(),
          }),
          { maxItems: 256 },
        ),
      }),
      output: Type.Object({
        files: Type.Array(
          Type.Object({
            path: Type.String(),
            parties: Type.Array(Type.String({ minLength: 1, maxLength: 128 }), {
              minItems: 1,
              maxItems: 64,
              description: "Third parties' ids, or `outside`.",
            }),
          }),
          { maxItems: 256 },
        ),
      }),
      deadlineMs: 2_000,
      idempotent: true,
    },
  },
});
