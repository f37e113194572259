import Type, { type Static } from "typebox";
import { defineContract } from "../../define.ts";

/** Something that an operator should know, and the one thing to do about it. */
export const Finding = Type.Object({
  code: Type.String({ pattern: "^[A-Z][A-Z0-9_]{2,63}$" }),
  severity: Type.Enum(["problem", "notice"], { description: "problem: something does not work. notice: it works, and this is worth knowing." }),
  owner: Type.String({ maxLength: 256, description: "Whose it is: an extension's id, or `host`. What third parties find is theirs." }),
  what: Type.String({ maxLength: 500, description: "Goes on after the owner: `is in quarantine`." }),
  why: Type.String({ maxLength: 2_000 }),
  next: Type.String({ maxLength: 1_000, description: "One sentence or command." }),
  mendable: Type.Optional(Type.Boolean({ description: "`mend` does something about it." })),
});
export type Finding = Static<typeof Finding>;

/** One part of `plinth doctor`. Each extension that can be unwell for reasons of its own may bring one. */
export const check = defineContract({
  id: "plinth.check",
  version: "1.0.0",
  title: "Check",
  summary: "Looks at one thing and says what is wrong with it, and what to do. A part of `plinth doctor`.",
  cardinality: "many",
  selection: "by-id",
  descriptor: Type.Object({
    title: Type.String({ maxLength: 80, description: "What it looks at, such as `channels`." }),
    online: Type.Optional(Type.Boolean({ description: "true: it is asked only where its user allows it to go out into the network." })),
  }),
  methods: {
    examine: {
      summary: "Look, and change nothing.",
      input: Type.Object({ online: Type.Boolean({ description: "It may go out into the network." }) }),
      output: Type.Object({ findings: Type.Array(Finding, { maxItems: 500 }) }),
      deadlineMs: 30_000,
      idempotent: true,
    },
    mend: {
      summary: "Do something about what it called mendable: nothing that takes something away or allows something new. In an owner's work only.",
      input: Type.Object({}),
      output: Type.Object({ done: Type.Array(Type.String({ maxLength: 500 }), { maxItems: 500, description: "A sentence each." }) }),
      deadlineMs: 60_000,
      optional: true,
    },
  },
});
