import Type, { type Static } from "typebox";
import { ID, Permissions, Tier } from "./extension.ts";

const closed = { additionalProperties: false };
const pinnedVersion = Type.String({ minLength: 1, maxLength: 128, description: "Exact version or semver range." });

export const ExtensionConfig = Type.Object(
  {
    version: Type.Optional(pinnedVersion),
    source: Type.Optional(Type.String({ description: "Where it comes from, such as registry:demo.weather." })),
    tier: Type.Optional(Tier),
    enabled: Type.Optional(Type.Boolean()),
    config: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
    grants: Type.Optional({ ...Permissions, description: "Narrows what was consented to; absent = all of it." }),
  },
  closed,
);
export type ExtensionConfig = Static<typeof ExtensionConfig>;

/** `plinth.json` in the home folder; JSON5. */
export const Config = Type.Object(
  {
    $schema: Type.Optional(Type.String()),
    extensions: Type.Optional(
      Type.Record(Type.String({ pattern: ID }), Type.Union([pinnedVersion, ExtensionConfig]), {
        ...closed,
        description: "Pins and settings by extension id; a bare string is a version.",
      }),
    ),
    slots: Type.Optional(
      Type.Record(Type.String(), Type.String(), {
        description: "Who fills a contract of cardinality one (`contract`), or which of two equal ids wins (`contract/id`): an extension's id.",
      }),
    ),
    log: Type.Optional(Type.Object({ level: Type.Optional(Type.Enum(["trace", "debug", "info", "warn", "error", "silent"])) }, closed)),
    policy: Type.Optional(
      Type.Object(
        {
          validate: Type.Optional(Type.Boolean({ description: "Check payloads of host-tier calls too; default false." })),
          sandbox: Type.Optional(
            Type.Enum(["best", "require-full"], {
              description: "`require-full` runs no third-party code behind less than the whole wall; default `best`: the best there is here.",
            }),
          ),
          audit: Type.Optional(
            Type.Enum(["off", "denied", "all"], {
              description: "What is recorded of extensions' requests for authority: nothing, what was refused (default), everything.",
            }),
          ),
          drainMs: Type.Optional(
            Type.Integer({ minimum: 0, maximum: 600_000, description: "Longest wait for an old generation's work; default 60 s." }),
          ),
        },
        closed,
      ),
    ),
  },
  { ...closed, $id: "https://plinth.dev/schema/config-1.json", title: "Plinth configuration" },
);
export type Config = Static<typeof Config>;
