import Type from "typebox";
import { defineContract } from "../../define.ts";

/** Where secrets come from. Only a host-tier provider may fill it: values pass through it in clear. */
export const secretSource = defineContract({
  id: "plinth.secret-source",
  version: "1.0.0",
  title: "Secret source",
  summary: "Resolves secrets by name for the host, which puts them into authorised requests.",
  cardinality: "one",
  selection: "by-id",
  descriptor: Type.Object({ title: Type.String() }),
  methods: {
    resolve: {
      summary: "The value, or null when it is not set. What was lent is there for its borrower on the way to its origin only.",
      input: Type.Object({
        name: Type.String(),
        use: Type.Optional(Type.Object({ extension: Type.String(), origin: Type.String() }, { description: "Who sends it, and where." })),
      }),
      output: Type.Union([Type.String(), Type.Null()]),
      deadlineMs: 5_000,
      idempotent: true,
    },
    lend: {
      summary:
        "A name under which one other extension may send a secret, to one origin, until the host stops. For the product's own extensions. The same answer for the same question.",
      input: Type.Object({
        name: Type.String({ minLength: 1, maxLength: 256, description: "Of the secret that is lent." }),
        to: Type.String({ maxLength: 256, description: "Id of the extension." }),
        origin: Type.String({ maxLength: 512, description: "Such as https://api.example.com." }),
      }),
      output: Type.Object({ name: Type.String({ description: "To be put into a handle." }) }),
      deadlineMs: 5_000,
      idempotent: true,
      optional: true,
    },
    hold: {
      summary:
        "Hold a value in memory alone, until the host stops, and say under which name it can be lent; held again for the same purpose, it takes the place of the one before. For the product's `plinth.credentials`.",
      input: Type.Object({
        purpose: Type.String({ minLength: 1, maxLength: 512, description: "What it is of, such as the id of a credential." }),
        value: Type.String({ minLength: 1, maxLength: 65_536 }),
      }),
      output: Type.Object({ name: Type.String({ description: "To be lent, and good for nothing else." }) }),
      deadlineMs: 5_000,
      idempotent: true,
      optional: true,
    },
    keep: {
      summary: "Keep a value that the owner typed, where `resolve` finds it. For the product's own extensions, in an owner's work.",
      input: Type.Object({
        name: Type.String({ pattern: "^[A-Za-z][A-Za-z0-9_]{0,127}$" }),
        value: Type.String({ minLength: 1, maxLength: 65_536 }),
      }),
      output: Type.Object({ where: Type.String({ description: "In words for people, such as the path of a file." }) }),
      deadlineMs: 10_000,
      idempotent: true,
      optional: true,
    },
  },
});
