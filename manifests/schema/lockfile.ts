import Type, { type Static } from "typebox";
import { ID, VERSION } from "./extension.ts";

const closed = { additionalProperties: false };

export const Signature = Type.Object(
  {
    keyId: Type.String({ maxLength: 128, description: "First 16 hex digits of the sha256 of the raw public key." }),
    signature: Type.String({ maxLength: 128, description: "ed25519, base64." }),
  },
  closed,
);
export type Signature = Static<typeof Signature>;

export const LockEntry = Type.Object(
  {
    version: Type.String({ pattern: VERSION }),
    source: Type.String({ description: "Full spec, such as registry:demo.weather@1.2.0." }),
    digest: Type.String({ pattern: "^[0-9a-f]{128}$", description: "sha512 of the unpacked tree." }),
    integrity: Type.Optional(Type.String({ pattern: "^sha512-", description: "sha512 of the tarball, SRI form." })),
    signature: Type.Optional(Signature),
    registry: Type.Optional(Type.String({ maxLength: 64, description: "Name of the registry that vouched for it." })),
    root: Type.Optional(
      Type.String({ pattern: "^[0-9a-f]{32}$", description: "Identity of that registry, its root's key set, where it signs its state." }),
    ),
    log: Type.Optional(Type.Integer({ minimum: 0, description: "Its place in that registry's transparency log." })),
    pinnedBy: Type.Enum(["operator", "catalog", "resolver"]),
    reason: Type.String(),
  },
  closed,
);
export type LockEntry = Static<typeof LockEntry>;

/** `plinth.lock`: keys sorted, two-space JSON, one final newline; the same state gives the same bytes. */
export const Lockfile = Type.Object(
  {
    lockfile: Type.Literal(1),
    extensions: Type.Record(Type.String({ pattern: ID }), LockEntry, closed),
  },
  { ...closed, $id: "https://plinth.dev/schema/lockfile-1.json", title: "Plinth lockfile" },
);
export type Lockfile = Static<typeof Lockfile>;
