import Type, { type Static } from "typebox";
import { defineContract } from "../../define.ts";

const path = Type.String({ minLength: 1, maxLength: 1_024, description: "Relative, with `/`; no part of it is `..`." });

export const BundleFile = Type.Object({
  path,
  text: Type.Optional(Type.String({ maxLength: 4_194_304 })),
  base64: Type.Optional(Type.String({ maxLength: 5_592_408, description: "A file that is no text." })),
});
export type BundleFile = Static<typeof BundleFile>;

/** Reads packages of another product. Pure: files in, files out; none of the package's code runs. */
export const bundleFormat = defineContract({
  id: "plinth.bundle-format",
  version: "1.0.0",
  title: "Bundle format",
  summary: "Turns a package in the format of another product into one of this product's, and says what is lost.",
  cardinality: "many",
  selection: "by-id",
  descriptor: Type.Object({
    title: Type.String({ maxLength: 200 }),
    marks: Type.Array(path, { minItems: 1, maxItems: 32, description: "A package with one of these files may be of this format." }),
  }),
  methods: {
    detect: {
      summary: "Whether it is of this format, from the names of its files and the text of those that `marks` names.",
      input: Type.Object({ names: Type.Array(path, { maxItems: 20_000 }), files: Type.Array(BundleFile, { maxItems: 32 }) }),
      output: Type.Object({
        fits: Type.Boolean(),
        name: Type.Optional(Type.String({ maxLength: 128 })),
        why: Type.Optional(Type.String({ maxLength: 500 })),
      }),
      deadlineMs: 5_000,
      idempotent: true,
    },
    convert: {
      summary: "The package as one of this product's: its manifest among the files. It asks for no more than the original could do.",
      input: Type.Object({
        files: Type.Array(BundleFile, { minItems: 1, maxItems: 5_000 }),
        id: Type.String({ maxLength: 128, description: "The id that it is to have." }),
      }),
      output: Type.Object({
        files: Type.Array(BundleFile, { minItems: 1, maxItems: 5_000 }),
        carried: Type.Array(Type.String({ maxLength: 256 }), { maxItems: 1_000, description: "What works, in words." }),
        lost: Type.Array(Type.Object({ what: Type.String({ maxLength: 256 }), why: Type.String({ maxLength: 500 }) }), {
          maxItems: 1_000,
          description: "Everything else, each with the reason. Nothing is left out in silence.",
        }),
      }),
      deadlineMs: 30_000,
      idempotent: true,
    },
  },
  errors: {
    PLINTH_BUNDLE_INVALID: "The package is of this format, and damaged; `details.path` says where.",
    PLINTH_BUNDLE_KIND: "The package is not of this format.",
  },
});
