import Type, { type Static, type TSchema } from "typebox";
import { ID } from "./extension.ts";
import { Signature } from "./lockfile.ts";

const closed = { additionalProperties: false };
const PUBLISHER = "^[a-z][a-z0-9-]{0,38}$";

const version = Type.Integer({ minimum: 1, maximum: 9_007_199_254_740_991, description: "Never falls." });
const time = Type.String({ pattern: "^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(\\.\\d{1,3})?Z$", description: "ISO 8601, UTC." });
const sha256 = Type.String({ pattern: "^[0-9a-f]{64}$" });
const keyId = Type.String({ pattern: "^[0-9a-f]{16}$", description: "First 16 hex digits of the sha256 of the raw public key." });
const publicKey = Type.String({ maxLength: 128, description: "ed25519, SPKI, base64." });
const place = Type.Integer({ minimum: 0, description: "A place in the transparency log." });
const signatures = Type.Array(Signature, { minItems: 1, maxItems: 16 });
const reference = { version, sha256, length: Type.Integer({ minimum: 1, maximum: 67_108_864 }) };

/** What is signed, and the signatures over its canonical JSON. */
const signed = <T extends TSchema>(document: T, name: string) =>
  Type.Object({ signed: document, signatures }, { ...closed, $id: `https://plinth.dev/schema/${name}-1.json` });

const Role = Type.Object(
  { keyIds: Type.Array(keyId, { minItems: 1, maxItems: 16, uniqueItems: true }), threshold: Type.Integer({ minimum: 1, maximum: 16 }) },
  closed,
);

/** `trust/root/N.json`: which keys speak for the registry. Each is signed by the keys of the one before it too. */
export const TrustRoot = signed(
  Type.Object(
    {
      type: Type.Literal("root"),
      origin: Type.String({ pattern: "^[A-Za-z0-9._/-]{1,120}$", description: "The log's name in its checkpoints. Never changes." }),
      version,
      expires: time,
      keys: Type.Record(keyId, publicKey, closed),
      roles: Type.Object({ root: Role, targets: Role, snapshot: Role, timestamp: Role, log: Role, recovery: Role }, closed),
    },
    closed,
  ),
  "trust-root",
);
export type TrustRoot = Static<typeof TrustRoot>;

/** `trust/timestamp.json`: the newest snapshot. The only file of these that is written over. */
export const TrustTimestamp = signed(
  Type.Object({ type: Type.Literal("timestamp"), version, expires: time, snapshot: Type.Object(reference, closed) }, closed),
  "trust-timestamp",
);
export type TrustTimestamp = Static<typeof TrustTimestamp>;

/** `trust/snapshot/SHA256.json`: one consistent state of the whole registry. */
export const TrustSnapshot = signed(
  Type.Object(
    {
      type: Type.Literal("snapshot"),
      version,
      expires: time,
      tree: Type.String({ pattern: "^[0-9a-f]{64}$", description: "Root of the tree that holds the hash of every index and key document." }),
      checkpoint: Type.String({ maxLength: 1024, description: "The log's signed head, a C2SP checkpoint." }),
      advisories: Type.Optional(Type.Object(reference, closed)),
    },
    closed,
  ),
  "trust-snapshot",
);
export type TrustSnapshot = Static<typeof TrustSnapshot>;

export const KeyLink = Type.Object(
  {
    kind: Type.Enum(["rotate", "recover"], { description: "Who vouches: the key before it, or the registry's recovery role." }),
    number: Type.Integer({ minimum: 1 }),
    from: keyId,
    to: publicKey,
    at: time,
    signatures,
  },
  closed,
);
export type KeyLink = Static<typeof KeyLink>;

/** `keys/PUBLISHER.json`: the delegation of the namespace `PUBLISHER.*`, signed by the role targets. */
export const PublisherKeys = signed(
  Type.Object(
    {
      type: Type.Literal("publisher"),
      publisher: Type.String({ pattern: PUBLISHER }),
      version,
      proof: Type.Optional(Type.String({ maxLength: 300, description: "How the namespace was proven, such as dns:example.com." })),
      keys: Type.Array(
        Type.Object(
          {
            keyId,
            publicKey,
            from: place,
            until: Type.Optional(Type.Integer({ minimum: 0, description: "It signs nothing that the log has at this place or later." })),
            revoked: Type.Optional(Type.String({ maxLength: 400, description: "Why it must not be believed any more." })),
          },
          closed,
        ),
        { minItems: 1, maxItems: 64 },
      ),
      links: Type.Array(KeyLink, { maxItems: 63 }),
    },
    closed,
  ),
  "publisher-keys",
);
export type PublisherKeys = Static<typeof PublisherKeys>;

export const Severity = Type.Enum(["low", "medium", "high", "critical"]);
export type Severity = Static<typeof Severity>;

export const Advisory = Type.Object(
  {
    id: Type.String({ pattern: "^[A-Z][A-Z0-9-]{2,40}$" }),
    package: Type.String({ pattern: ID }),
    affected: Type.String({ maxLength: 256, description: "semver range." }),
    severity: Severity,
    title: Type.String({ maxLength: 200 }),
    action: Type.Enum(["warn", "disable", "remove"], { description: "What the registry advises hosts to do." }),
    fixed: Type.Optional(Type.String({ maxLength: 64, description: "First version without it." })),
    url: Type.Optional(Type.String({ maxLength: 300 })),
    at: time,
    retracted: Type.Optional(Type.String({ maxLength: 400, description: "Why it no longer holds." })),
  },
  closed,
);
export type Advisory = Static<typeof Advisory>;

/** `advisories.json`: what hosts pull and act on. Signed by the role targets. */
export const AdvisoryFeed = signed(
  Type.Object(
    {
      type: Type.Literal("advisories"),
      version,
      advisories: Type.Array(Advisory, { maxItems: 20_000 }),
      withdrawn: Type.Array(
        Type.Object(
          { id: Type.String({ pattern: ID }), version: Type.String({ maxLength: 64 }), reason: Type.String({ maxLength: 400 }), at: time },
          closed,
        ),
        { maxItems: 100_000 },
      ),
    },
    closed,
  ),
  "advisory-feed",
);
export type AdvisoryFeed = Static<typeof AdvisoryFeed>;
