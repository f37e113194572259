import Type from "typebox";
import { defineContract } from "../../define.ts";

export const chatCommand = defineContract({
  id: "plinth.chat-command",
  version: "1.0.0",
  title: "Slash command",
  summary: "A `/name` that people type in a conversation.",
  cardinality: "many",
  selection: "by-id",
  descriptor: Type.Object({
    name: Type.String({ pattern: "^[a-z][a-z0-9-]{0,31}$", description: "The word after the slash." }),
    summary: Type.String(),
    usage: Type.Optional(Type.String({ description: "Such as `/notes add TEXT | list`." })),
    role: Type.Optional(
      Type.Enum(["owner", "anyone"], {
        description: "Who may run it at all; default owner. The host checks it; a command may check more.",
      }),
    ),
    beside: Type.Optional(Type.Boolean({ description: "true: answered at once, beside what the session runs. The product's own commands only." })),
    subcommands: Type.Optional(
      Type.Array(Type.Object({ name: Type.String(), summary: Type.String(), usage: Type.Optional(Type.String()) }), {
        description: "For completion.",
      }),
    ),
  }),
  methods: {
    run: {
      summary: "Run it. `progress` items are shown and replaced; `text` items (Markdown) are the answer.",
      input: Type.Object({
        args: Type.String({ description: "All that follows the command's name, trimmed." }),
        sessionKey: Type.String(),
      }),
      stream: Type.Union([
        Type.Object({ progress: Type.String() }),
        Type.Object({ text: Type.String() }),
        Type.Object({
          suggest: Type.Array(Type.Object({ label: Type.String(), text: Type.String({ description: "What the button would send." }) })),
        }),
      ]),
      deadlineMs: 120_000,
    },
  },
});
