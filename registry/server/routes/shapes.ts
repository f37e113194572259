import { ID, VERSION } from "@plinth/manifests/schema/extension.ts";
import Type from "typebox";
import { SCOPES } from "../storage/index.ts";

/** Shapes that several routes share. */
export const closed = { additionalProperties: false };
export const id = Type.String({ pattern: ID, maxLength: 102, description: "publisher.name" });
export const version = Type.String({ pattern: VERSION, maxLength: 64, description: "An exact semver version." });
export const publisher = Type.String({ pattern: "^[a-z][a-z0-9-]{0,38}$", description: "First part of the ids of its packages." });
export const user = Type.String({ pattern: "^[a-z0-9][a-z0-9._-]{0,63}$", description: "Who a token belongs to." });
export const time = Type.String({
  maxLength: 32,
  pattern: "^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(\\.\\d{1,9})?Z$",
  description: "ISO 8601, UTC.",
});
/** Nothing that steers a terminal, shows nothing, or turns the direction of writing. */
export const ONE_LINE = "^[^\\u0000-\\u001f\\u007f-\\u009f\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\ufeff]+$";
export const reason = Type.String({
  minLength: 1,
  maxLength: 400,
  pattern: ONE_LINE,
  description: "Told to people; one line.",
});
export const signature = Type.String({ pattern: "^[A-Za-z0-9+/]{86}==$", description: "ed25519, base64." });
export const keyId = Type.String({ pattern: "^[0-9a-f]{16}$", description: "First 16 hex digits of the sha256 of the raw public key." });
export const scope = Type.Enum([...SCOPES]);
export const pattern = Type.String({
  pattern: "^(\\*|[a-z][a-z0-9-]{0,38}\\.(\\*|[a-z][a-z0-9-]{0,62}))$",
  description: "`*`, `publisher.*` or a package's id.",
});
export const Done = Type.Object({ done: Type.Literal(true) }, closed);
export const done = { done: true } as const;

export const ReasonBody = Type.Object({ reason }, closed);
export const PackageParams = Type.Object({ id }, closed);
export const VersionParams = Type.Object({ id, version }, closed);
export const PublisherParams = Type.Object({ publisher }, closed);

export const Finding = Type.Object(
  {
    capability: Type.String(),
    level: Type.Enum(["information", "warning", "danger"]),
    message: Type.String(),
    file: Type.Optional(Type.String()),
    line: Type.Optional(Type.Integer()),
  },
  closed,
);
