import Type from "typebox";
import { defineContract, openUnion } from "../../define.ts";
import { ContentPart } from "../content/part.ts";
import { Usage } from "../models/event.ts";
import { ModelMessage } from "../models/message.ts";

const entry = Type.String({ minLength: 1, maxLength: 128, description: "Id of a transcript's entry." });

/** Makes a long conversation short: what goes on is a summary and the entries from one on. The transcript itself is kept. */
export const compactor = defineContract({
  id: "plinth.compactor",
  version: "1.0.0",
  title: "Compactor",
  summary: "Summarises the older part of a conversation, so that the rest fits the model again.",
  cardinality: "many",
  selection: "by-id",
  choice: true,
  descriptor: Type.Object({
    title: Type.String({ maxLength: 200 }),
    model: Type.Optional(Type.Boolean({ description: "It asks a model, which costs." })),
  }),
  methods: {
    compact: {
      summary: "How far it is, then the summary. What it cannot make shorter it refuses; the conversation stays as it was.",
      input: Type.Object({
        sessionKey: Type.String({ maxLength: 256 }),
        agent: Type.Optional(Type.String({ maxLength: 128 })),
        model: Type.Optional(Type.String({ maxLength: 256, description: "That of the conversation." })),
        history: Type.Array(Type.Object({ id: entry, message: ModelMessage, tokens: Type.Optional(Type.Integer({ minimum: 0 })) }), {
          minItems: 1,
          maxItems: 20_000,
          description: "Oldest first.",
        }),
        before: Type.Optional(Type.Array(ContentPart, { maxItems: 64, description: "The summary of what was compacted earlier." })),
        limitTokens: Type.Optional(Type.Integer({ minimum: 1, description: "The model's context, where it is known." })),
        keepTokens: Type.Integer({ minimum: 0, description: "So much of the end stays as it is, if possible." }),
        summaryTokens: Type.Integer({ minimum: 16, description: "At most so long." }),
        focus: Type.Optional(Type.String({ maxLength: 2_048, description: "What an owner wants to be kept above all." })),
      }),
      stream: openUnion("type", [
        Type.Object({ type: Type.Literal("progress"), text: Type.Optional(Type.String({ maxLength: 500 })) }),
        Type.Object({
          type: Type.Literal("summary"),
          content: Type.Array(ContentPart, { minItems: 1, maxItems: 64 }),
          firstKept: Type.Union([entry, Type.Null()], {
            description: "From here on all stays, and never begins between a tool's call and its result; null: nothing stays.",
          }),
          made: Type.Optional(Type.Enum(["model", "rules"], { description: "Who wrote it: a model, or rules where none could." })),
          usage: Type.Optional(Usage),
        }),
      ]),
      deadlineMs: 600_000,
    },
  },
  errors: {
    PLINTH_COMPACT_SHORT: "There is nothing to make shorter.",
    PLINTH_COMPACT_FAILED: "No summary came; the conversation stays as it was.",
  },
});
