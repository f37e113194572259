import Type, { type Static } from "typebox";

export const ID = "^[a-z][a-z0-9-]{0,38}\\.[a-z][a-z0-9-]{0,62}$";
export const VERSION = "^(0|[1-9]\\d*)\\.(0|[1-9]\\d*)\\.(0|[1-9]\\d*)(-[0-9A-Za-z.-]+)?(\\+[0-9A-Za-z.-]+)?$";

const id = (description: string) => Type.String({ pattern: ID, maxLength: 102, description });
const contractId = Type.String({
  pattern: "^[a-z][a-z0-9-]*(\\.[a-z][a-z0-9-]*)+$",
  maxLength: 128,
  description: "A contract's id in lower case, such as `plinth.tool` or `acme.voices.voice`.",
});
const range = Type.String({ minLength: 1, maxLength: 128, description: "semver range." });
const names = (description: string, pattern: string) =>
  Type.Optional(Type.Array(Type.String({ pattern, maxLength: 256, description }), { maxItems: 64, uniqueItems: true, description }));
const closed = { additionalProperties: false };

export const Tier = Type.Enum(["host", "isolate", "process"]);
export type Tier = Static<typeof Tier>;

export const Permissions = Type.Object(
  {
    net: names(
      "Hosts it may reach: `api.example.com` (ports 80 and 443), `https://api.example.com`, `*.example.com`, `wss://host:8443`, `host:8443`, `loopback` (this machine) or `*` (any public host).",
      "^(\\*|loopback|((https?|wss?)://)?(\\[[0-9A-Fa-f:.]+\\]|(\\*\\.)?[A-Za-z0-9-]+(\\.[A-Za-z0-9-]+)*)(:[0-9]{1,5})?)$",
    ),
    fs: names(
      "Folders: `data` (its own), `workspace`, or an absolute path; `:ro` makes it read-only. Nothing in `/proc`, `/sys`, `/dev` and `/run`.",
      "^(?!/(proc|sys|dev|run)(/|:ro$|$))(data|workspace|/|(/(?!\\.{1,2}(/|:ro$|$))[^/\\u0000-\\u001f\\u007f-\\u009f\\u200e\\u200f\\u202a-\\u202e\\u2066-\\u2069]+)+)(:ro)?$",
    ),
    env: names("Environment variables that it may read.", "^[A-Za-z_][A-Za-z0-9_]*$"),
    exec: names(
      "Programs that it may run: `git` (any arguments), `git status *` (these, then any), `git log --oneline` (exactly these); `*` for any.",
      "^(\\*|[A-Za-z0-9._/+-]+( [!-~]+)*)$",
    ),
    secrets: names("Secrets that may be sent to its hosts on its behalf. It never sees their values.", "^[A-Z][A-Z0-9_]*$"),
    principals: names("Identities it may act for when it takes work in from outside.", "^(owner|guest)$"),
  },
  closed,
);
export type Permissions = Static<typeof Permissions>;

export const Provide = Type.Object(
  {
    contract: contractId,
    version: Type.String({ pattern: VERSION, description: "The exact contract version implemented." }),
    id: Type.String({
      pattern: "^[a-z][a-z0-9._-]{0,63}$",
      description: "Unique among the contract's providers: lower case, digits, dots, dashes, underscores.",
    }),
    descriptor: Type.Unknown({ description: "What the contract asks providers to state." }),
  },
  closed,
);
export type Provide = Static<typeof Provide>;

export const Use = Type.Object({ contract: contractId, range, optional: Type.Optional(Type.Boolean()) }, closed);
export type Use = Static<typeof Use>;

export const HookUse = Type.Object(
  {
    on: Type.String({ pattern: "^[a-z][a-z0-9-]*(\\.[a-z][a-z0-9-]*)+$" }),
    stage: Type.Optional(Type.Enum(["early", "normal", "late"])),
    before: Type.Optional(Type.Array(id("An extension."), { maxItems: 32 })),
    after: Type.Optional(Type.Array(id("An extension."), { maxItems: 32 })),
    failure: Type.Optional(Type.Literal("closed", { description: "Tightens the hook's failure policy." })),
    deadlineMs: Type.Optional(Type.Integer({ minimum: 1, maximum: 60_000, description: "Shortens the hook's deadline." })),
  },
  closed,
);
export type HookUse = Static<typeof HookUse>;

export const Budgets = Type.Object(
  {
    heapMb: Type.Optional(Type.Integer({ minimum: 8, maximum: 4096 })),
    cpuMsPerCall: Type.Optional(Type.Integer({ minimum: 1, maximum: 60_000 })),
    cpuMsPerMinute: Type.Optional(
      Type.Integer({ minimum: 100, maximum: 60_000, description: "CPU time of everything it does; more ends it. Default 30,000." }),
    ),
    callsPerMinute: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000_000 })),
    concurrentCalls: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_000, description: "Calls in it at one time; default 1,000." })),
    egressMbPerMinute: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_240, description: "Bytes sent and received; default unlimited." })),
    storageMb: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_240 })),
  },
  closed,
);

/** The manifest, `plinth.json`. Each key is documented where it stands. */
export const Manifest = Type.Object(
  {
    $schema: Type.Optional(Type.String()),
    id: id("publisher.name in lower case, such as `acme.weather`."),
    version: Type.String({ pattern: VERSION, maxLength: 64, description: "Exact semver version." }),
    title: Type.String({ minLength: 1, maxLength: 80, description: "Name for people." }),
    description: Type.String({ maxLength: 400, description: "One or two sentences for listings." }),
    license: Type.Optional(Type.String({ maxLength: 64, description: "SPDX id." })),
    engines: Type.Object({ plinth: range }, { ...closed, description: "Host versions it works with." }),
    entry: Type.Optional(
      Type.String({
        pattern: "^(\\./)?[A-Za-z0-9_][A-Za-z0-9._/-]*\\.m?js$",
        description: "The bundled ES module in the package, `./index.js`; its source is `src/index.ts`. None for data-only extensions.",
      }),
    ),
    tiers: Type.Optional(
      Type.Array(Tier, { minItems: 1, uniqueItems: true, description: "Where it can run, preferred first. Default: isolate, process." }),
    ),
    provides: Type.Optional(Type.Array(Provide, { maxItems: 256 })),
    uses: Type.Optional(Type.Array(Use, { maxItems: 64 })),
    hooks: Type.Optional(Type.Array(HookUse, { maxItems: 64 })),
    extensions: Type.Optional(
      Type.Record(Type.String({ pattern: ID }), range, { ...closed, description: "Other extensions that must be there, with ranges." }),
    ),
    defines: Type.Optional(
      Type.Array(
        Type.Object(
          {
            id: contractId,
            version: Type.String({ pattern: VERSION }),
            title: Type.String(),
            cardinality: Type.Enum(["one", "many"]),
            selection: Type.Enum(["by-id", "first-healthy", "fallback-chain", "score"]),
            descriptor: Type.Unknown({ description: "JSON Schema." }),
            methods: Type.Record(
              Type.String({ pattern: "^[a-z][A-Za-z0-9]{0,63}$" }),
              Type.Object(
                {
                  input: Type.Unknown(),
                  output: Type.Optional(Type.Unknown()),
                  stream: Type.Optional(Type.Unknown()),
                  deadlineMs: Type.Integer({ minimum: 0, maximum: 3_600_000 }),
                  optional: Type.Optional(Type.Boolean()),
                },
                closed,
              ),
              closed,
            ),
            hooks: Type.Optional(
              Type.Record(
                Type.String({ pattern: "^[a-z][a-z0-9-]*(\\.[a-z][a-z0-9-]*)+$" }),
                Type.Object(
                  {
                    mode: Type.Enum(["observe", "transform", "gate", "claim", "observe-sync", "transform-sync"]),
                    payload: Type.Unknown(),
                    deadlineMs: Type.Integer({ minimum: 1, maximum: 60_000 }),
                    failure: Type.Enum(["open", "closed"]),
                  },
                  closed,
                ),
                closed,
              ),
            ),
          },
          closed,
        ),
        { maxItems: 32, description: "Contracts of its own. Their ids start with the extension's id." },
      ),
    ),
    permissions: Type.Optional(Permissions),
    config: Type.Optional(Type.Unknown({ description: "JSON Schema of its configuration; `x-reload: hot` on a property spares a restart." })),
    budgets: Type.Optional(Budgets),
  },
  { ...closed, $id: "https://plinth.dev/schema/extension-1.json", title: "Plinth extension manifest" },
);
export type Manifest = Static<typeof Manifest>;
