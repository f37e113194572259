import Type from "typebox";
import { defineContract } from "../../define.ts";

/** Lets extensions that speak two majors of one contract work with each other. */
export const contractAdapter = defineContract({
  id: "plinth.contract-adapter",
  version: "1.0.0",
  title: "Contract adapter",
  summary:
    "Turns payloads of one major of a contract into those of another. Only the contract's owner provides it: pure functions, run where the owner's code runs.",
  cardinality: "many",
  selection: "by-id",
  descriptor: Type.Object({
    contract: Type.String({ maxLength: 128, description: "One that the extension itself defines, with both majors in `defines`." }),
    older: Type.Integer({ minimum: 0, maximum: 9_999, description: "The older major." }),
    newer: Type.Integer({ minimum: 1, maximum: 9_999, description: "The newer major." }),
    callers: Type.Array(Type.Enum(["older", "newer"]), {
      minItems: 1,
      uniqueItems: true,
      description: "Whose calls it can turn: those of consumers of the older major, of the newer one, or both.",
    }),
  }),
  methods: {
    convert: {
      summary: "One payload of one call. The host checks the result against the contract, as if the owner had sent it.",
      input: Type.Object({
        caller: Type.Enum(["older", "newer"], { description: "Which major the consumer speaks; the provider speaks the other one." }),
        part: Type.Enum(["input", "output", "item"], { description: "`input` goes to the provider; `output` and `item` come back." }),
        method: Type.String({ description: "As the consumer calls it." }),
        value: Type.Unknown(),
      }),
      output: Type.Object({
        method: Type.Optional(Type.String({ maxLength: 64, description: "Of an `input`: the provider's method, where it has another name." })),
        value: Type.Unknown(),
      }),
      deadlineMs: 2_000,
      idempotent: true,
    },
  },
});
