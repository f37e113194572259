import Type, { type Static } from "typebox";
import { defineContract } from "../../define.ts";

/** Bytes that one message carries at most: 2 MiB, as base64. What is larger comes in pieces. */
export const PIECE_BASE64 = 2_796_204;

const id = Type.String({ minLength: 1, maxLength: 128 });

export const ArtifactInfo = Type.Object({
  id,
  sha256: Type.String({ pattern: "^[0-9a-f]{64}$" }),
  bytes: Type.Integer({ minimum: 0 }),
  mimeType: Type.String(),
  name: Type.Optional(Type.String()),
  createdAt: Type.Number({ description: "Milliseconds since the epoch." }),
  expiresAt: Type.Optional(Type.Number({ description: "Gone after this; absent: kept." })),
  session: Type.Optional(Type.String({ description: "The session that it belongs to." })),
});
export type ArtifactInfo = Static<typeof ArtifactInfo>;

export const artifacts = defineContract({
  id: "plinth.artifacts",
  version: "1.0.0",
  title: "Artifacts",
  summary:
    "Keeps bytes once, by what they are, and gives them an id: images, recordings, files that messages only refer to. Whoever knows an id may read it, and nobody can guess one.",
  cardinality: "one",
  selection: "by-id",
  descriptor: Type.Object({ title: Type.String(), durable: Type.Boolean() }),
  methods: {
    put: {
      summary:
        "Keep bytes. The same bytes with the same facts from the same caller have the same id. In pieces: `more` gives an `upload`, which the next piece names; the one without `more` is the last.",
      input: Type.Object({
        base64: Type.String({ maxLength: PIECE_BASE64 }),
        mimeType: Type.String({ minLength: 1, maxLength: 256, pattern: "^[!-~]+/[ -~]+$" }),
        name: Type.Optional(Type.String({ minLength: 1, maxLength: 512, description: "A file's name, without a folder." })),
        session: Type.Optional(Type.String({ maxLength: 256 })),
        ttlMs: Type.Optional(Type.Integer({ minimum: 1_000, description: "Kept so long; default: for good, of third parties a month at most." })),
        upload: Type.Optional(Type.String({ maxLength: 64 })),
        more: Type.Optional(Type.Boolean()),
      }),
      output: Type.Object({ artifact: Type.Optional(ArtifactInfo), upload: Type.Optional(Type.String()) }),
      deadlineMs: 30_000,
    },
    get: {
      summary: "What is known of one.",
      input: Type.Object({ id }),
      output: Type.Object({ artifact: ArtifactInfo }),
      deadlineMs: 5_000,
      idempotent: true,
    },
    read: {
      summary: "Its bytes, or a range of them, in order.",
      input: Type.Object({
        id,
        offset: Type.Optional(Type.Integer({ minimum: 0 })),
        length: Type.Optional(Type.Integer({ minimum: 0, description: "Default: to the end." })),
      }),
      stream: Type.Object({ base64: Type.String() }),
      deadlineMs: 30_000,
      idempotent: true,
    },
    list: {
      summary: "The newest first. Third parties and guests see what they put themselves.",
      input: Type.Object({
        limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000 })),
        cursor: Type.Optional(Type.String({ maxLength: 64 })),
        session: Type.Optional(Type.String({ maxLength: 256 })),
        mimeType: Type.Optional(Type.String({ maxLength: 256, description: "What it begins with, such as `image/`." })),
      }),
      output: Type.Object({ artifacts: Type.Array(ArtifactInfo), next: Type.Optional(Type.String()) }),
      deadlineMs: 5_000,
      idempotent: true,
    },
    keep: {
      summary: "Keep it for so long from now on; null: for good. For whoever put it, and the owner.",
      input: Type.Object({ id, ttlMs: Type.Union([Type.Integer({ minimum: 1_000 }), Type.Null()]) }),
      output: Type.Object({ artifact: ArtifactInfo }),
      deadlineMs: 5_000,
      idempotent: true,
    },
    drop: {
      summary: "Take it away, for good. For whoever put it, and the owner.",
      input: Type.Object({ id }),
      output: Type.Object({ dropped: Type.Boolean() }),
      deadlineMs: 5_000,
      idempotent: true,
    },
    usage: {
      summary: "How much is kept, and how much may be.",
      input: Type.Object({}),
      output: Type.Object({ artifacts: Type.Integer(), bytes: Type.Integer(), limit: Type.Integer() }),
      deadlineMs: 5_000,
      idempotent: true,
    },
  },
  errors: {
    PLINTH_ARTIFACT_UNKNOWN: "There is no such artifact, or not any more.",
    PLINTH_ARTIFACT_TOO_LARGE: "It is larger than one may be.",
    PLINTH_ARTIFACT_RANGE: "The range lies outside of it.",
    PLINTH_ARTIFACT_DAMAGED: "Its bytes are not the ones that were put.",
    PLINTH_QUOTA: "Whoever puts it, or everybody together, keeps as much as may be kept.",
  },
});
