import Type, { type Static } from "typebox";
import { defineContract, openUnion } from "../../define.ts";
import { ErrorInfo } from "../agents/turns.ts";
import { Needs } from "../needs.ts";

const id = Type.String({ minLength: 1, maxLength: 128 });
const path = Type.String({ minLength: 1, maxLength: 4_096, description: "Within the environment's workspace; relative." });
const secretName = Type.String({ maxLength: 128, pattern: "^[A-Za-z][A-Za-z0-9_]*$" });

export const Environment = Type.Object({
  id,
  kind: Type.Enum(["local", "container", "remote", "machine"]),
  status: Type.Enum(["preparing", "ready", "stopped", "failed", "released"]),
  title: Type.Optional(Type.String({ maxLength: 200 })),
  workspace: Type.String({ maxLength: 4_096, description: "Where its workspace is, as programs in it see it." }),
  walls: Type.Optional(
    Type.Object(
      { files: Type.Enum(["none", "some", "all"]), net: Type.Enum(["open", "hosts", "none"]), user: Type.Enum(["same", "own"]) },
      { description: "What keeps it from the machine that it runs on. Said as it is, not as it was asked for." },
    ),
  ),
  createdAt: Type.Number(),
  expiresAt: Type.Optional(Type.Number()),
  secrets: Type.Optional(Type.Array(secretName, { maxItems: 64, description: "Names of what was bound; never a value." })),
  error: Type.Optional(ErrorInfo),
});
export type Environment = Static<typeof Environment>;

/** A place in which programs run: this machine behind a wall, a container, a machine elsewhere. */
export const environment = defineContract({
  id: "plinth.environment",
  version: "1.0.0",
  title: "Environment",
  summary: "Prepares places in which programs run, runs programs there, and gives back what they made.",
  cardinality: "many",
  selection: "by-id",
  choice: true,
  descriptor: Type.Object({
    title: Type.String({ maxLength: 200 }),
    kind: Environment.properties.kind,
    needs: Type.Optional(Needs),
    snapshots: Type.Optional(Type.Boolean()),
    pty: Type.Optional(Type.Boolean()),
    kept: Type.Optional(Type.Boolean({ description: "One outlives the host." })),
  }),
  methods: {
    prepare: {
      summary: "Make one ready. The same key again gives the same one. What it cannot give is refused, never left out in silence.",
      input: Type.Object({
        key: Type.Optional(Type.String({ minLength: 1, maxLength: 128 })),
        title: Type.Optional(Type.String({ maxLength: 200 })),
        image: Type.Optional(Type.String({ maxLength: 512, description: "What it begins with, in the provider's terms." })),
        snapshot: Type.Optional(id),
        folder: Type.Optional(Type.String({ maxLength: 4_096, description: "A folder of this machine that becomes its workspace." })),
        readOnly: Type.Optional(Type.Boolean()),
        env: Type.Optional(Type.Record(Type.String({ maxLength: 128 }), Type.String({ maxLength: 32_768 }), { maxProperties: 256 })),
        hosts: Type.Optional(Type.Array(Type.String({ maxLength: 256 }), { maxItems: 256, description: "It reaches these; default: none." })),
        limits: Type.Optional(
          Type.Object({
            memoryMb: Type.Optional(Type.Integer({ minimum: 16 })),
            cpus: Type.Optional(Type.Number({ minimum: 0.1 })),
            diskMb: Type.Optional(Type.Integer({ minimum: 1 })),
          }),
        ),
        ttlMs: Type.Optional(Type.Integer({ minimum: 1_000, description: "It is released by itself so long after its last use." })),
      }),
      stream: openUnion("type", [
        Type.Object({ type: Type.Literal("progress"), text: Type.String({ maxLength: 500 }) }),
        Type.Object({ type: Type.Literal("ready"), environment: Environment }),
      ]),
      deadlineMs: 600_000,
    },
    bind: {
      summary: "Let its programs have secrets, by name, as variables. The value goes from the host to the place, through nobody's hands.",
      input: Type.Object({
        id,
        secrets: Type.Array(Type.Object({ name: secretName, as: Type.Optional(secretName) }), { minItems: 1, maxItems: 64 }),
      }),
      output: Type.Object({ environment: Environment }),
      deadlineMs: 30_000,
      optional: true,
    },
    run: {
      summary: "One program, without a shell: its output as it comes, then how it ended. It ends with its reader.",
      input: Type.Object({
        id,
        program: Type.String({ minLength: 1, maxLength: 4_096 }),
        args: Type.Optional(Type.Array(Type.String({ maxLength: 131_072 }), { maxItems: 4_096 })),
        cwd: Type.Optional(path),
        env: Type.Optional(Type.Record(Type.String({ maxLength: 128 }), Type.String({ maxLength: 32_768 }), { maxProperties: 256 })),
        input: Type.Optional(Type.String({ maxLength: 4_194_304 })),
        timeoutMs: Type.Optional(Type.Integer({ minimum: 1 })),
      }),
      stream: openUnion("type", [
        Type.Object({ type: Type.Literal("stdout"), base64: Type.String({ maxLength: 1_398_104 }) }),
        Type.Object({ type: Type.Literal("stderr"), base64: Type.String({ maxLength: 1_398_104 }) }),
        Type.Object({
          type: Type.Literal("exit"),
          code: Type.Union([Type.Integer(), Type.Null()]),
          signal: Type.Optional(Type.String({ maxLength: 16 })),
          timedOut: Type.Optional(Type.Boolean()),
        }),
      ]),
      deadlineMs: 0,
    },
    put: {
      summary: "Write a file of the workspace.",
      input: Type.Object({ id, path, base64: Type.String({ maxLength: 11_184_812 }) }),
      output: Type.Object({}),
      deadlineMs: 60_000,
      idempotent: true,
    },
    collect: {
      summary: "Files of the workspace, in pieces. A folder gives what is in it; a link is not followed out of the workspace.",
      input: Type.Object({ id, paths: Type.Array(path, { minItems: 1, maxItems: 256 }) }),
      stream: Type.Object({
        path,
        base64: Type.String({ maxLength: 1_398_104 }),
        last: Type.Boolean({ description: "Of this file." }),
      }),
      deadlineMs: 60_000,
      idempotent: true,
    },
    snapshot: {
      summary: "Keep it as it is; `prepare` can begin with it.",
      input: Type.Object({ id }),
      output: Type.Object({ snapshot: id }),
      deadlineMs: 600_000,
      optional: true,
    },
    list: {
      summary: "Those that are there.",
      input: Type.Object({}),
      output: Type.Object({ environments: Type.Array(Environment, { maxItems: 1_000 }) }),
      deadlineMs: 30_000,
      idempotent: true,
    },
    release: {
      summary: "End its programs and give the place back, with all that is in it. A folder of this machine stays.",
      input: Type.Object({ id }),
      output: Type.Object({ released: Type.Boolean({ description: "false: there was none." }) }),
      deadlineMs: 120_000,
      idempotent: true,
    },
  },
  errors: {
    PLINTH_ENVIRONMENT_UNKNOWN: "There is no such environment, or it was released.",
    PLINTH_ENVIRONMENT_FAILED: "It could not be made ready.",
    PLINTH_ENVIRONMENT_PATH: "The path leads out of the workspace, or nothing is there.",
    PLINTH_UNSUPPORTED: "The place cannot give what was asked for; `details.param` says which field.",
    PLINTH_QUOTA: "There are as many as there may be.",
  },
});
