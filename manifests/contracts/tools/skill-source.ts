import Type, { type Static } from "typebox";
import { defineContract, openUnion } from "../../define.ts";

const name = Type.String({ pattern: "^[a-z0-9]+(-[a-z0-9]+)*$", maxLength: 64 });
const words = (maxItems: number) => Type.Optional(Type.Array(Type.String({ maxLength: 256 }), { maxItems }));

/** A folder with instructions that an agent reads when it needs them. Format: agentskills.io, `SKILL.md`. */
export const Skill = Type.Object({
  name,
  description: Type.String({ minLength: 1, maxLength: 1_024, description: "What the model is shown: what it does and when to use it." }),
  source: Type.String({ maxLength: 512, description: "Where it lies, for people." }),
  version: Type.Optional(Type.String({ maxLength: 64 })),
  license: Type.Optional(Type.String({ maxLength: 256 })),
  digest: Type.Optional(Type.String({ pattern: "^[a-f0-9]{64}$", description: "SHA-256 of its files." })),
  forUsers: Type.Optional(Type.Boolean({ description: "People can call it as `/NAME`. Default: true." })),
  forModels: Type.Optional(Type.Boolean({ description: "The model is told of it. Default: true." })),
  tools: words(64),
  requires: Type.Optional(
    Type.Object(
      { bins: words(32), anyBins: words(32), env: words(32), config: words(32), os: words(8) },
      { description: "Without these it is not offered." },
    ),
  ),
  usable: Type.Boolean(),
  why: Type.Optional(Type.String({ maxLength: 500, description: "Why it is not usable." })),
  files: Type.Optional(Type.Array(Type.String({ maxLength: 1_024 }), { maxItems: 1_000, description: "What else is in its folder." })),
});
export type Skill = Static<typeof Skill>;

export const skillSource = defineContract({
  id: "plinth.skill-source",
  version: "1.0.0",
  title: "Skill source",
  summary: "Brings skills: instructions that the model reads when it needs them. A skill of one source hides those of the same name of lower ones.",
  cardinality: "many",
  selection: "by-id",
  descriptor: Type.Object({
    title: Type.String({ maxLength: 200 }),
    rank: Type.Integer({ minimum: 0, maximum: 1_000, description: "Of two skills of one name, that of the higher source is taken." }),
  }),
  methods: {
    list: {
      summary: "What there is, without their texts.",
      input: Type.Object({ agent: Type.Optional(Type.String({ maxLength: 128 })), workspace: Type.Optional(Type.String({ maxLength: 4_096 })) }),
      output: Type.Object({
        skills: Type.Array(Skill, { maxItems: 2_000 }),
        problems: Type.Optional(
          Type.Array(Type.Object({ what: Type.String({ maxLength: 512 }), message: Type.String({ maxLength: 1_000 }) }), { maxItems: 256 }),
        ),
      }),
      deadlineMs: 10_000,
      idempotent: true,
    },
    read: {
      summary: "Its instructions, or another file of its folder. No path leads out of the folder.",
      input: Type.Object({
        name,
        file: Type.Optional(Type.String({ minLength: 1, maxLength: 1_024 })),
        workspace: Type.Optional(Type.String({ maxLength: 4_096 })),
      }),
      output: Type.Object({
        text: Type.Optional(Type.String({ maxLength: 1_048_576 })),
        base64: Type.Optional(Type.String({ maxLength: 1_398_104, description: "A file that is no text." })),
        folder: Type.Optional(Type.String({ maxLength: 4_096, description: "Where programs find it, if they can." })),
      }),
      deadlineMs: 10_000,
      idempotent: true,
    },
    changes: {
      summary: "A word each time that something in the list is other than it was.",
      input: Type.Object({}),
      stream: openUnion("type", [Type.Object({ type: Type.Literal("changed") })]),
      deadlineMs: 0,
      optional: true,
    },
  },
  errors: {
    PLINTH_SKILL_UNKNOWN: "There is no such skill, or no such file in it.",
    PLINTH_SKILL_INVALID: "What lies there cannot be read as a skill.",
  },
});
