import Type from "typebox";
import { defineContract } from "../../define.ts";

export const PackageHit = Type.Object({
  id: Type.String(),
  version: Type.String(),
  title: Type.String(),
  description: Type.String(),
  source: Type.String({ description: "Name of the registry or source." }),
  proven: Type.Optional(
    Type.Boolean({ description: "Something signed has it as it is shown. Counts for the host's own sources; of all others nothing is proven." }),
  ),
});

export const pluginSource = defineContract({
  id: "plinth.plugin-source",
  version: "1.0.0",
  title: "Extension source",
  summary: "A place that extensions are installed from. Every source takes the same install pipeline.",
  cardinality: "many",
  selection: "by-id",
  descriptor: Type.Object({
    title: Type.String(),
    scheme: Type.String({ description: "Prefix of its specs, such as `registry` in `registry:acme.weather@1`." }),
    searchable: Type.Boolean(),
  }),
  methods: {
    search: {
      summary: "Find packages by words in id, title and description.",
      input: Type.Object({ query: Type.String(), limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100 })) }),
      output: Type.Object({ hits: Type.Array(PackageHit) }),
      deadlineMs: 15_000,
      idempotent: true,
      optional: true,
    },
    fetch: {
      summary: "Fetch, verify and unpack one package into the empty folder `into`.",
      input: Type.Object({
        spec: Type.String({ description: "Without the scheme." }),
        cwd: Type.String(),
        into: Type.String({ description: "Absolute path of an empty folder." }),
      }),
      output: Type.Object({
        source: Type.String({ description: "The full spec to write into the lock." }),
        integrity: Type.Optional(Type.String({ description: "sha512-… of the tarball." })),
        signature: Type.Optional(Type.Object({ keyId: Type.String(), signature: Type.String({ description: "ed25519, base64." }) })),
        registry: Type.Optional(Type.String({ description: "Name of the registry that vouches for it." })),
        log: Type.Optional(Type.Integer({ description: "Its place in that registry's transparency log." })),
      }),
      deadlineMs: 120_000,
    },
  },
  hooks: {
    "install.before": {
      summary: "An extension is about to be installed: deny it by answering with a reason.",
      mode: "gate",
      payload: Type.Object({
        id: Type.String(),
        version: Type.String(),
        source: Type.String(),
        digest: Type.String(),
        permissions: Type.Record(Type.String(), Type.Unknown()),
        signed: Type.Boolean(),
      }),
      deadlineMs: 30_000,
      failure: "closed",
    },
  },
});
