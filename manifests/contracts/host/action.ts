import Type, { type Static } from "typebox";

/** What a call can do to the world, as people are told it. */
export const Effect = Type.Enum(["read", "write", "exec", "net", "send", "spend", "administer"]);
export type Effect = Static<typeof Effect>;

export const ActionSubject = Type.Object(
  {
    argv: Type.Array(Type.String()),
    cwd: Type.String({ description: "Absolute path." }),
    env: Type.Array(Type.String(), { description: "Names of the variables that differ from the host's own." }),
    executable: Type.Optional(
      Type.Object({ path: Type.String({ description: "Absolute, links resolved." }), sha256: Type.String({ pattern: "^[0-9a-f]{64}$" }) }),
    ),
  },
  { description: "What a program's run is bound to." },
);
export type ActionSubject = Static<typeof ActionSubject>;
