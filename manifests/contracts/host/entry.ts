import Type from "typebox";
import { defineContract } from "../../define.ts";

export const TerminalItem = Type.Union([
  Type.Object({ out: Type.String({ description: "Text for standard output, verbatim." }) }),
  Type.Object({ err: Type.String({ description: "Text for standard error, verbatim." }) }),
  Type.Object({ result: Type.Unknown({ description: "The machine-readable result, printed by --json." }) }),
  Type.Object({
    confirm: Type.Object({
      question: Type.String(),
      argv: Type.Array(Type.String(), { description: "What to run when a person at a terminal says yes." }),
    }),
  }),
  Type.Object(
    {
      choose: Type.Object({
        id: Type.String(),
        question: Type.String(),
        choices: Type.Array(
          Type.Object({
            key: Type.String({ description: "What a person types." }),
            argv: Type.Array(Type.String(), { description: "What to run then, beside this command." }),
          }),
        ),
      }),
    },
    { description: "Asked at a terminal while the command goes on." },
  ),
  Type.Object({ settled: Type.String({ description: "Id of a `choose` that needs no answer any more." }) }),
  Type.Object({ exit: Type.Integer({ minimum: 0, maximum: 255 }) }),
]);

export const Terminal = Type.Object({
  cwd: Type.String(),
  json: Type.Boolean(),
  tty: Type.Boolean({ description: "A person is there: reads what is printed and types answers." }),
  columns: Type.Integer(),
  color: Type.Boolean(),
  /** True when the command runs in the caller's own process and not in a running gateway. */
  local: Type.Boolean(),
});

/** What the launcher runs: argv in, terminal items out. The product's data names the provider. */
export const entry = defineContract({
  id: "plinth.entry",
  version: "1.0.0",
  title: "Entry point",
  summary: "Runs a command line.",
  cardinality: "one",
  selection: "by-id",
  descriptor: Type.Object({ title: Type.String() }),
  methods: {
    main: {
      summary: "Run one command line to its end.",
      input: Type.Object({ argv: Type.Array(Type.String()), terminal: Terminal }),
      stream: TerminalItem,
      deadlineMs: 0,
    },
  },
});
