import Type from "typebox";
import { defineContract } from "../../define.ts";
import type { ExecItem } from "../../wire/bridge.ts";
import { GrantedFolder } from "./file-access.ts";

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
    run: {
      summary: "One program, without a shell and without the network. Its output as it comes, then how it ended.",
      input: Type.Object({
        extension: Type.String(),
        programs: Type.Array(Type.String(), { description: "The granted `permissions.exec`." }),
        folders: Type.Array(GrantedFolder, { description: "What it sees of this machine's files, besides the system's programs." }),
        request: Type.Object(
          {
            program: Type.String({ minLength: 1, maxLength: 4_096 }),
            args: Type.Array(Type.String({ maxLength: 131_072 }), { maxItems: 4_096 }),
            cwd: Type.Optional(Type.String({ minLength: 1, maxLength: 4_096 })),
            input: Type.Optional(Type.String({ maxLength: 4_194_304 })),
            base64: Type.Optional(Type.Boolean()),
            timeoutMs: Type.Optional(Type.Number({ minimum: 1 })),
            maxBytes: Type.Optional(Type.Number({ minimum: 0 })),
          },
          { additionalProperties: false },
        ),
      }),
      stream: Type.Unsafe<ExecItem>({}),
      deadlineMs: 0,
    },
  },
  errors: {
    PLINTH_PERMISSION: "The program, these arguments or the folder are not granted.",
    PLINTH_EXEC_FAILED: "The program is not there or cannot be started.",
    PLINTH_DEADLINE: "It ran too long and was ended.",
    PLINTH_QUOTA: "It wrote too much, or too many run already.",
    PLINTH_FOLDER: "A granted folder holds the home of the host, lies in it, or is the system's.",
    PLINTH_ROOT: "The host is root, and cannot give the program a user id of its own or lend it a folder.",
    PLINTH_SANDBOX: "This machine has no wall to run a program behind.",
  },
});
