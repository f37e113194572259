import Type, { type Static } from "typebox";
import { defineContract } from "../../define.ts";

export const ContextSection = Type.Object({
  id: Type.String({ minLength: 1, maxLength: 128, description: "Within its contributor." }),
  title: Type.Optional(Type.String({ maxLength: 200 })),
  text: Type.String({ maxLength: 262_144 }),
  stability: Type.Enum(["fixed", "session", "turn"], {
    description: "How long it stays the same, byte for byte. What changes most stands last, so that models find the rest in their cache.",
  }),
  drop: Type.Optional(Type.Integer({ minimum: 0, maximum: 100, description: "Where not all fits, the highest goes first; 0: never. Default 50." })),
  whole: Type.Optional(Type.Integer({ minimum: 0, description: "Where it was cut: its characters before that." })),
  from: Type.Optional(
    Type.Array(Type.String({ minLength: 1, maxLength: 128 }), {
      maxItems: 64,
      description:
        "Who besides the owner and the product had a hand in it: third parties' ids, or `outside`. It is marked, and the turn is theirs too.",
    }),
  ),
  cacheKey: Type.Optional(Type.String({ maxLength: 128, description: "The same key is the same text." })),
});
export type ContextSection = Static<typeof ContextSection>;

/** What stands before a conversation: files of the workspace, memories, skills, the time. */
export const context = defineContract({
  id: "plinth.context",
  version: "1.0.0",
  title: "Context",
  summary: "Contributes sections to what a model is told before the conversation. Those of third parties are marked as theirs.",
  cardinality: "many",
  selection: "by-id",
  descriptor: Type.Object({
    title: Type.String({ maxLength: 200 }),
    order: Type.Integer({ minimum: 0, maximum: 1_000, description: "Within its stability, the lowest stands first; then by id." }),
    sees: Type.Optional(Type.Array(Type.Enum(["message"]), { description: "message: it is told what the turn is about." })),
    files: Type.Optional(
      Type.Array(Type.String({ minLength: 1, maxLength: 255 }), {
        maxItems: 64,
        description: "It is asked only where the workspace itself holds one of these names, so that a turn without them costs nothing.",
      }),
    ),
  }),
  methods: {
    contribute: {
      summary: "Its sections for a turn. Told the same, it gives the same. It has a moment only: what is late is left out.",
      input: Type.Object({
        agent: Type.String({ maxLength: 128 }),
        sessionKey: Type.String({ maxLength: 256 }),
        workspace: Type.Optional(Type.String({ maxLength: 4_096 })),
        surface: Type.String({ maxLength: 128 }),
        role: Type.Enum(["owner", "guest", "system"], { description: "Whose turn it is: what is the owner's alone is not for guests." }),
        kind: Type.Optional(Type.Enum(["chat", "scheduled", "sub-agent"])),
        private: Type.Optional(Type.Boolean({ description: "true: nobody but the owner reads what is said in this session." })),
        message: Type.Optional(Type.String({ maxLength: 65_536 })),
        maxChars: Type.Integer({ minimum: 0, description: "Of all its sections together." }),
      }),
      output: Type.Object({ sections: Type.Array(ContextSection, { maxItems: 256 }) }),
      deadlineMs: 2_000,
      idempotent: true,
    },
  },
});
