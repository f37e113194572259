import Type from "typebox";
import { defineContract } from "../../define.ts";
import { Terminal, TerminalItem } from "../host/entry.ts";

export const cliCommand = defineContract({
  id: "plinth.cli-command",
  version: "1.0.0",
  title: "Shell command",
  summary: "A subcommand of `plinth`. Help is made from the descriptor, without loading code.",
  cardinality: "many",
  selection: "by-id",
  descriptor: Type.Object({
    path: Type.Array(Type.String({ pattern: "^[a-z][a-z0-9-]*$" }), {
      minItems: 1,
      maxItems: 3,
      description: 'Words after `plinth`, such as ["plugins", "list"].',
    }),
    summary: Type.String(),
    args: Type.Optional(
      Type.Array(
        Type.Object({
          name: Type.String(),
          summary: Type.String(),
          required: Type.Optional(Type.Boolean()),
          variadic: Type.Optional(Type.Boolean({ description: "Takes all remaining words; last argument only." })),
        }),
      ),
    ),
    options: Type.Optional(
      Type.Record(
        Type.String({ pattern: "^[a-z][a-z0-9-]*$" }),
        Type.Object({
          type: Type.Enum(["string", "boolean"]),
          short: Type.Optional(Type.String({ pattern: "^[a-zA-Z]$" })),
          summary: Type.String(),
          value: Type.Optional(Type.String({ description: "Placeholder in help, such as PORT." })),
          values: Type.Optional(
            Type.Array(Type.String(), {
              minItems: 1,
              maxItems: 64,
              description: "All that it can be, for completion; the command itself refuses others.",
            }),
          ),
          required: Type.Optional(Type.Boolean()),
        }),
      ),
    ),
    examples: Type.Optional(Type.Array(Type.String())),
    where: Type.Optional(
      Type.Enum(["any", "local"], {
        description: "local: always in the caller's own process. any (default): in the running gateway when there is one.",
      }),
    ),
    hidden: Type.Optional(Type.Boolean()),
  }),
  methods: {
    run: {
      summary: "Run the command. End with `exit` for a status other than 0; throw a coded error for a failure (exit 1).",
      input: Type.Object({
        args: Type.Record(Type.String(), Type.Union([Type.String(), Type.Array(Type.String())])),
        options: Type.Record(Type.String(), Type.Union([Type.String(), Type.Boolean()])),
        terminal: Terminal,
      }),
      stream: TerminalItem,
      deadlineMs: 0,
    },
  },
});
