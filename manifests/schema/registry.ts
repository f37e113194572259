import Type, { type Static } from "typebox";
import { ID, Manifest, VERSION } from "./extension.ts";
import { Signature } from "./lockfile.ts";

const closed = { additionalProperties: false };

/** One version in a package's index file. The signature covers `signedPayload` (see registry/signing.ts). */
export const PackageVersion = Type.Object(
  {
    version: Type.String({ pattern: VERSION }),
    tarball: Type.String({ maxLength: 256, description: "Path below the registry's root." }),
    integrity: Type.String({ pattern: "^sha512-", maxLength: 128 }),
    size: Type.Integer({ minimum: 1, maximum: 268_435_456, description: "Bytes of the tarball." }),
    manifest: Manifest,
    publishedAt: Type.String({ description: "ISO 8601." }),
    signature: Signature,
    log: Type.Optional(
      Type.Object(
        {
          index: Type.Integer({ minimum: 0, description: "Place of the publish event in the transparency log." }),
          at: Type.String({ maxLength: 32, description: "ISO 8601: when the registry let it in." }),
        },
        { ...closed, description: "The registry's countersignature: an event that its signed log includes." },
      ),
    ),
    yanked: Type.Optional(Type.String({ description: "Why it must not be newly installed." })),
    deprecated: Type.Optional(Type.String({ maxLength: 400, description: "Why its publisher advises against it; it can still be installed." })),
    blocked: Type.Optional(Type.String({ maxLength: 400, description: "Why the registry withholds its tarball; it is yanked too." })),
  },
  closed,
);
export type PackageVersion = Static<typeof PackageVersion>;

/** `packages/<publisher>/<name>.json`: the sparse index, one small file for each package. */
export const PackageIndex = Type.Object(
  { id: Type.String({ pattern: ID }), versions: Type.Array(PackageVersion), tags: Type.Record(Type.String(), Type.String()) },
  { ...closed, $id: "https://plinth.dev/schema/package-index-1.json" },
);
export type PackageIndex = Static<typeof PackageIndex>;

/** `registry.json`: what a client reads first. `keys` are the publishers' public keys by namespace. */
export const RegistryRoot = Type.Object(
  {
    registry: Type.Literal(1),
    name: Type.String(),
    keys: Type.Record(
      Type.String({ description: "Publisher." }),
      Type.Array(Type.Object({ keyId: Type.String(), publicKey: Type.String({ description: "SPKI, base64." }) }, closed)),
    ),
  },
  { ...closed, $id: "https://plinth.dev/schema/registry-1.json" },
);
export type RegistryRoot = Static<typeof RegistryRoot>;

/** `search.json`: one row a package, so that a client can search without a server. */
export const SearchIndex = Type.Object(
  {
    packages: Type.Array(
      Type.Object(
        {
          id: Type.String(),
          version: Type.String(),
          title: Type.String(),
          description: Type.String(),
          words: Type.Optional(Type.Array(Type.String())),
        },
        closed,
      ),
    ),
  },
  { ...closed, $id: "https://plinth.dev/schema/search-1.json" },
);
export type SearchIndex = Static<typeof SearchIndex>;
