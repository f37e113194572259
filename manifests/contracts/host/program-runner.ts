import Type from "typebox";
import { defineContract } from "../../define.ts";
import type { ExecItem, ExecMessage, Reached } from "../../wire/bridge.ts";
import { GrantedFolder } from "./file-access.ts";

const size = Type.Object({ columns: Type.Integer({ minimum: 1, maximum: 1_000 }), rows: Type.Integer({ minimum: 1, maximum: 1_000 }) });

export interface ProgramReach {
  reached: Reached;
}

/** The host's way to run programs for extensions. Only a host-tier provider may fill it. */
export const programRunner = defineContract({
  id: "plinth.program-runner",
  version: "1.0.0",
  title: "Program runner",
  summary: "Runs the programs that the extension was granted, behind a wall.",
  cardinality: "one",
  selection: "by-id",
  descriptor: Type.Object({ title: Type.String() }),
  methods: {
    open: {
      summary:
        "One program, without a shell. Its output as it comes, then how it ended; with `duplex` first an id to speak to it. It ends with its reader.",
      input: Type.Object({
        extension: Type.String(),
        programs: Type.Array(Type.String(), { description: "The granted `permissions.exec`." }),
        folders: Type.Array(GrantedFolder, { description: "What it sees of this machine's files, besides the system's programs." }),
        storageMb: Type.Optional(Type.Number({ description: "Most that the extension's own folder may hold; default 256." })),
        hosts: Type.Optional(Type.Array(Type.String(), { description: "The granted `permissions.net`: it reaches no other." })),
        pinned: Type.Optional(
          Type.Object(
            {
              programs: Type.Array(Type.Object({ program: Type.String(), sha256: Type.String() })),
              variables: Type.Array(Type.String(), { description: "Which of `env` hold secrets." }),
            },
            { description: "It is one of these, to the byte, or does not start: secrets are among its variables." },
          ),
        ),
        request: Type.Object(
          {
            program: Type.String({ minLength: 1, maxLength: 4_096 }),
            args: Type.Array(Type.String({ maxLength: 131_072 }), { maxItems: 4_096 }),
            cwd: Type.Optional(Type.String({ minLength: 1, maxLength: 4_096 })),
            input: Type.Optional(Type.String({ maxLength: 4_194_304, description: "All that it reads; not with `duplex`." })),
            base64: Type.Optional(Type.Boolean()),
            timeoutMs: Type.Optional(Type.Number({ minimum: 1, description: "Default 60 s, at most 600 s; with `duplex` 24 h and 7 days." })),
            maxBytes: Type.Optional(Type.Number({ minimum: 0, description: "Of all its output: default and most 8 MiB; with `duplex` no bound." })),
            duplex: Type.Optional(Type.Boolean({ description: "Its input stays open; `send` speaks to it." })),
            env: Type.Optional(Type.Record(Type.String(), Type.String({ maxLength: 131_072 }), { maxProperties: 256 })),
            folders: Type.Optional(
              Type.Array(Type.String({ maxLength: 4_096 }), { maxItems: 64, description: "Of the granted ones only these; `:ro` narrows." }),
            ),
            net: Type.Optional(
              Type.Union([Type.Literal(true), Type.Array(Type.String({ maxLength: 256 }), { maxItems: 64 })], {
                description: "Which of the granted hosts it reaches, through the host's egress; default none.",
              }),
            ),
            pty: Type.Optional(size),
          },
          { additionalProperties: false },
        ),
      }),
      stream: Type.Unsafe<ExecItem | ProgramReach>({}),
      deadlineMs: 0,
    },
    send: {
      summary: "Write to an open program, end its input, signal it, resize its terminal. A write is done when there is room for the next.",
      input: Type.Object({
        extension: Type.String(),
        id: Type.String({ description: "As its first item told." }),
        message: Type.Union([
          Type.Object({ write: Type.Unsafe<string | Uint8Array>({}) }, { additionalProperties: false }),
          Type.Object({ end: Type.Literal(true) }, { additionalProperties: false }),
          Type.Object({ signal: Type.String({ maxLength: 16 }) }, { additionalProperties: false }),
          Type.Object({ resize: size }, { additionalProperties: false }),
        ]) as unknown as Type.TUnsafe<ExecMessage>,
      }),
      output: Type.Object({}),
      deadlineMs: 0,
    },
  },
  errors: {
    PLINTH_PERMISSION:
      "The program, these arguments, the folder, the host or the signal are not granted; or it gets a secret and is not what was pinned.",
    PLINTH_EXEC_FAILED: "The program is not there or cannot be started.",
    PLINTH_EXEC_ENDED: "The program is over, or reads no more.",
    PLINTH_DEADLINE: "It ran too long and was ended.",
    PLINTH_QUOTA: "It wrote too much, too many run already, or the extension's own folder keeps more than it may.",
    PLINTH_FOLDER: "A granted folder holds the home of the host, lies in it, or is the system's.",
    PLINTH_ROOT: "The host is root, and cannot give the program a user id of its own or lend it a folder.",
    PLINTH_SANDBOX: "This machine has no wall to run a program behind.",
  },
});
