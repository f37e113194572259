import { errorData, isPlinthError, PlinthError } from "@plinth/manifests/wire/error.ts";
import Type, { type Static } from "typebox";

/** What each failed request is answered with: RFC 9457, and Plinth's own fields beside the standard ones. */
export const Problem = Type.Object(
  {
    type: Type.String({ description: "A URI for the kind of problem; the same for one code." }),
    title: Type.String({ description: "What happened, a sentence for people." }),
    status: Type.Integer(),
    detail: Type.String({ description: "What happened, with what belongs to this one case." }),
    code: Type.String({ pattern: "^PLINTH_[A-Z0-9_]+$" }),
    next: Type.Optional(Type.String({ description: "What to do next." })),
    details: Type.Optional(Type.Unknown({ description: "More for machines." })),
  },
  { additionalProperties: false },
);
export type Problem = Static<typeof Problem>;

const STATUS: Record<string, number> = {
  PLINTH_BAD_REQUEST: 400,
  PLINTH_PACKAGE_NAME: 400,
  PLINTH_PUBLISHER_NAME: 400,
  PLINTH_UNAUTHENTICATED: 401,
  PLINTH_TOKEN_EXPIRED: 401,
  PLINTH_TOKEN_REVOKED: 401,
  PLINTH_TOKEN_SCOPE: 403,
  PLINTH_FORBIDDEN: 403,
  PLINTH_NOT_OWNER: 403,
  PLINTH_PUBLISHER_BANNED: 403,
  PLINTH_PUBLISHER_KEY: 403,
  PLINTH_DNS_PROOF: 403,
  PLINTH_KEY_PROOF: 403,
  PLINTH_NOT_FOUND: 404,
  PLINTH_PACKAGE_UNKNOWN: 404,
  PLINTH_VERSION_UNKNOWN: 404,
  PLINTH_PUBLISHER_UNKNOWN: 404,
  PLINTH_USER_UNKNOWN: 404,
  PLINTH_KEY_UNKNOWN: 404,
  PLINTH_METHOD_NOT_ALLOWED: 405,
  PLINTH_VERSION_EXISTS: 409,
  PLINTH_PUBLISHER_TAKEN: 409,
  PLINTH_NAME_LOOKALIKE: 409,
  PLINTH_LAST_OWNER: 409,
  PLINTH_TOKEN_LIMIT: 409,
  PLINTH_VERSION_BLOCKED: 410,
  PLINTH_LENGTH_REQUIRED: 411,
  PLINTH_TOO_LARGE: 413,
  PLINTH_ARCHIVE_SIZE: 413,
  PLINTH_UNSUPPORTED_MEDIA: 415,
  PLINTH_MANIFEST_MISSING: 422,
  PLINTH_MANIFEST_INVALID: 422,
  PLINTH_SIGNATURE: 422,
  PLINTH_INTEGRITY: 422,
  PLINTH_PACKAGE_MISMATCH: 422,
  PLINTH_PACKAGE_CHECK: 422,
  PLINTH_PUBLISH_TIME: 422,
  PLINTH_ADVISORY_RANGE: 422,
  PLINTH_KEY_ROTATION: 422,
  PLINTH_DOCUMENT_INVALID: 422,
  PLINTH_RATE_LIMITED: 429,
  PLINTH_REGISTRY_BUSY: 503,
  PLINTH_STOPPING: 503,
};
const TITLES: Record<number, string> = {
  400: "The request is not valid",
  401: "A valid token is needed",
  403: "That is not allowed",
  404: "There is no such thing here",
  405: "This path does not take that method",
  409: "It conflicts with what is there",
  410: "It was taken away",
  411: "The length of the body is missing",
  413: "That is too large",
  415: "That kind of body is not taken",
  422: "What was sent was refused",
  429: "Too many requests",
  503: "The registry is busy",
};

/** The HTTP status that says what an error's code means; 500 for codes that are not about the request. */
export function statusOf(code: string): number {
  return STATUS[code] ?? (code.startsWith("PLINTH_ARCHIVE_") ? 422 : 500);
}

/** Whatever was thrown, as it may be told to anybody: what is not about the request stays in the log. */
export function problemOf(thrown: unknown): Problem {
  const { code, message, next } = errorData(thrown);
  const status = statusOf(code);
  if (status === 500) {
    return {
      type: "about:blank",
      title: "The registry failed",
      status,
      detail: "The registry could not do it; nothing is half done.",
      code: isPlinthError(thrown) ? code : "PLINTH_FAILED",
      next: "Try again later; when it stays so, tell who runs the registry.",
    };
  }
  const details = isPlinthError(thrown) ? thrown.details : undefined;
  return {
    type: `urn:plinth:error:${code.slice("PLINTH_".length).toLowerCase().replaceAll("_", "-")}`,
    title: TITLES[status] ?? "The request failed",
    status,
    detail: message,
    code,
    ...(next === undefined ? {} : { next }),
    ...(details === undefined || status === 503 ? {} : { details }),
  };
}

/** The service's own refusals. */
export const refuse = {
  badRequest: (why: string) =>
    new PlinthError("PLINTH_BAD_REQUEST", `The request is not valid: ${why}.`, { next: "Correct it; /openapi.json says what fits." }),
  noToken: () => new PlinthError("PLINTH_UNAUTHENTICATED", "This needs a token.", { next: "Send it as `Authorization: Bearer TOKEN`." }),
  wrongToken: () =>
    new PlinthError("PLINTH_UNAUTHENTICATED", "The token is not one of this registry.", {
      next: "Check it, or get a new one from who runs the registry.",
    }),
  expired: (at: string) => new PlinthError("PLINTH_TOKEN_EXPIRED", `The token expired at ${at}.`, { next: "Get a new one." }),
  revoked: () => new PlinthError("PLINTH_TOKEN_REVOKED", "The token was revoked.", { next: "Get a new one." }),
  scope: (needed: string) =>
    new PlinthError("PLINTH_TOKEN_SCOPE", `The token does not have the scope ${needed} for this.`, {
      next: `Use a token with the scope ${needed} and a pattern that fits the package.`,
    }),
  pattern: (needed: string) =>
    new PlinthError("PLINTH_TOKEN_SCOPE", `The token's patterns do not take in ${needed}.`, {
      next: `Use a token whose patterns take in ${needed}.`,
    }),
  tokenUnknown: () =>
    new PlinthError("PLINTH_NOT_FOUND", "There is no such token within your reach.", {
      next: "List your tokens; one that may do more than yours is out of reach.",
    }),
  rotation: () =>
    new PlinthError("PLINTH_FORBIDDEN", "A token is exchanged by itself, or by one that it was made from.", {
      next: "Exchange it with itself, or end it and make another one.",
    }),
  lineage: () =>
    new PlinthError("PLINTH_TOKEN_LIMIT", "The token has as many ancestors, or has made as many tokens, as one may.", {
      next: "Make it from an older token, or end some that are not needed.",
    }),
  lastOwner: (publisher: string, user: string) =>
    new PlinthError("PLINTH_LAST_OWNER", `${user} is the last owner of ${publisher}.`, { next: "Add another owner first." }),
  nameTaken: (name: string) =>
    new PlinthError("PLINTH_PUBLISHER_TAKEN", `The publisher's name ${name} is taken.`, {
      next: "Choose another name, or ask its owner to add you.",
    }),
  userUnknown: (user: string) =>
    new PlinthError("PLINTH_USER_UNKNOWN", `There is no user named ${user} here.`, {
      next: "A user is who has a token; check the name, or have one made first.",
    }),
  userTaken: (user: string) =>
    new PlinthError("PLINTH_PUBLISHER_TAKEN", `There is a user named ${user} already.`, {
      next: "Send that user's token, or choose another publisher's name.",
    }),
  notOwner: (publisher: string) =>
    new PlinthError("PLINTH_NOT_OWNER", `The token's user is not an owner of ${publisher}.`, { next: `Ask an owner of ${publisher} to add you.` }),
  banned: (publisher: string, reason: string) =>
    new PlinthError("PLINTH_PUBLISHER_BANNED", `${publisher} was banned from this registry: ${reason}.`, { next: "Ask who runs the registry." }),
  blocked: (what: string, reason: string) =>
    new PlinthError("PLINTH_FORBIDDEN", `${what} was taken away by the moderators: ${reason}.`, { next: "Ask who runs the registry." }),
  notFound: (path: string) =>
    new PlinthError("PLINTH_NOT_FOUND", `There is nothing at ${JSON.stringify(path.slice(0, 200))}.`, {
      next: "Check the address; /openapi.json lists what there is.",
    }),
  method: (allow: string) => new PlinthError("PLINTH_METHOD_NOT_ALLOWED", `This path takes ${allow}.`, { next: `Use ${allow}.`, details: { allow } }),
  noLength: () => new PlinthError("PLINTH_LENGTH_REQUIRED", "The request does not say how long its body is.", { next: "Send a Content-Length." }),
  tooLarge: (limit: number) =>
    new PlinthError("PLINTH_TOO_LARGE", `The body is larger than the ${limit} bytes that this path takes.`, { next: "Send less." }),
  media: (wanted: string) =>
    new PlinthError("PLINTH_UNSUPPORTED_MEDIA", `This path takes ${wanted}.`, { next: `Send ${wanted}, not compressed further.` }),
  rateLimited: (seconds: number, policy: string) =>
    new PlinthError("PLINTH_RATE_LIMITED", `There were more requests than the policy ${policy} allows.`, {
      next: `Wait ${seconds} s.`,
      details: { retryAfter: seconds },
    }),
  busy: () => new PlinthError("PLINTH_REGISTRY_BUSY", "The registry has too much to do at the moment.", { next: "Try again in some seconds." }),
  packageUnknown: (id: string) =>
    new PlinthError("PLINTH_PACKAGE_UNKNOWN", `There is no package ${id} here.`, { next: "Check its id, or search for it." }),
  publisherUnknown: (name: string) =>
    new PlinthError("PLINTH_PUBLISHER_UNKNOWN", `No publisher named ${name} is registered here.`, { next: "Register the name with your key first." }),
};
