import Type, { type Static } from "typebox";
import { defineContract } from "../../define.ts";
import type { FileInfo } from "../../wire/bridge.ts";

/** A folder that was granted, and the name that its paths begin with. */
export const GrantedFolder = Type.Object({
  name: Type.String({ description: "`data`, `workspace`, or its absolute path." }),
  path: Type.String({ description: "Absolute." }),
  write: Type.Boolean(),
});
export type GrantedFolder = Static<typeof GrantedFolder>;

const path = Type.String({ minLength: 1, maxLength: 4_096 });
const yes = Type.Optional(Type.Boolean());
const size = Type.Optional(Type.Integer({ minimum: 0 }));
const closed = { additionalProperties: false };

/** The host's road to files. Only a host-tier provider may fill it. */
export const fileAccess = defineContract({
  id: "plinth.file-access",
  version: "1.0.0",
  title: "File access",
  summary: "Carries out requests for files within the folders that the extension was granted.",
  cardinality: "one",
  selection: "by-id",
  descriptor: Type.Object({ title: Type.String() }),
  methods: {
    request: {
      summary: "One operation. `read` answers with bytes, `list` and `stat` with what is there. No link leads anywhere.",
      input: Type.Object({
        extension: Type.String(),
        folders: Type.Array(GrantedFolder),
        storageMb: Type.Optional(Type.Number({ description: "Most that its own folder may hold." })),
        request: Type.Union([
          Type.Object({ op: Type.Literal("read"), path, offset: size, length: size }, closed),
          Type.Object(
            { op: Type.Literal("write"), path, body: Type.String({ maxLength: 4_194_304 }), base64: yes, append: yes, exclusive: yes },
            closed,
          ),
          Type.Object({ op: Type.Enum(["list", "stat", "mkdir"]), path }, closed),
          Type.Object({ op: Type.Literal("remove"), path, recursive: yes }, closed),
          Type.Object({ op: Type.Literal("rename"), path, to: path }, closed),
        ]),
      }),
      output: Type.Unsafe<Uint8Array | FileInfo[] | FileInfo | boolean | null>({}),
      deadlineMs: 60_000,
    },
  },
  errors: {
    PLINTH_FOLDER: "A granted folder holds the home of the host, lies in it, or is the system's.",
    PLINTH_PERMISSION: "The path is not within a granted folder, or that is read-only.",
    PLINTH_FILE_MISSING: "There is nothing at the path.",
    PLINTH_FILE_KIND: "It is something else than the operation needs: a link, a device, a folder.",
    PLINTH_FILE_EXISTS: "Something is there already.",
    PLINTH_QUOTA: "It is larger than one request may move, or its own folder is full.",
    PLINTH_FILE: "The system refused it.",
  },
});
