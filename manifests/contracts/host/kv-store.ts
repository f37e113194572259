import Type from "typebox";
import { defineContract } from "../../define.ts";

const space = Type.String({ description: "Namespace: an extension's id." });
const key = Type.String();

/** Keys and values for `ctx.store`. Values are opaque text; the host serialises. */
export const kvStore = defineContract({
  id: "plinth.kv-store",
  version: "1.0.0",
  title: "Key-value store",
  summary: "Keeps every extension's stored values, a namespace and a quota for each.",
  cardinality: "one",
  selection: "by-id",
  descriptor: Type.Object({ title: Type.String() }),
  methods: {
    get: {
      summary: "The live value, or null.",
      input: Type.Object({ space, key }),
      output: Type.Union([Type.String(), Type.Null()]),
      deadlineMs: 5_000,
      idempotent: true,
    },
    set: {
      summary: "Store a value. `expires` is in milliseconds since the epoch; fails with PLINTH_QUOTA over `quota` bytes of the namespace.",
      input: Type.Object({ space, key, value: Type.String(), expires: Type.Optional(Type.Number()), quota: Type.Number() }),
      output: Type.Boolean(),
      deadlineMs: 5_000,
      idempotent: true,
    },
    delete: { summary: "Whether it was there.", input: Type.Object({ space, key }), output: Type.Boolean(), deadlineMs: 5_000, idempotent: true },
    keys: {
      summary: "Live keys that start with the prefix, sorted, at most 10,000.",
      input: Type.Object({ space, prefix: Type.String() }),
      output: Type.Array(Type.String()),
      deadlineMs: 5_000,
      idempotent: true,
    },
    clear: { summary: "Remove a whole namespace.", input: Type.Object({ space }), output: Type.Boolean(), deadlineMs: 10_000, idempotent: true },
  },
});
