import { type ErrorInfo, errorInfo, PlinthError } from "@plinth/sdk";

const STATUS: Record<string, number> = {
  PLINTH_BAD_REQUEST: 400,
  PLINTH_UNAUTHENTICATED: 401,
  PLINTH_FORBIDDEN: 403,
  PLINTH_GATE_DENIED: 403,
  PLINTH_PERMISSION: 403,
  PLINTH_CONSENT_NEEDED: 403,
  PLINTH_HOST_REFUSED: 403,
  PLINTH_ORIGIN_REFUSED: 403,
  PLINTH_NOT_FOUND: 404,
  PLINTH_NOT_INSTALLED: 404,
  PLINTH_CAPABILITY_MISSING: 404,
  PLINTH_METHOD_NOT_ALLOWED: 405,
  PLINTH_TIMEOUT: 408,
  PLINTH_TOO_LARGE: 413,
  PLINTH_UNSUPPORTED_MEDIA: 415,
  PLINTH_UPGRADE_REQUIRED: 426,
  PLINTH_RATE_LIMITED: 429,
  PLINTH_MODEL_RATE: 429,
  PLINTH_MODEL_QUOTA: 429,
  PLINTH_MODEL_OVERLOADED: 503,
  PLINTH_QUOTA: 429,
  PLINTH_UNSUPPORTED: 501,
  PLINTH_STOPPING: 503,
  PLINTH_QUARANTINED: 503,
  PLINTH_BREAKER_OPEN: 503,
  PLINTH_EXTENSION_EXITED: 503,
  PLINTH_DEADLINE: 504,
};

/** The HTTP status that says what an error's code means; 500 for codes that are not about the request. */
export function statusOf(code: string): number {
  return STATUS[code] ?? (code.endsWith("_BUSY") ? 409 : code.endsWith("_INPUT") ? 400 : 500);
}

/** An error as application/problem+json (RFC 9457), with Plinth's own fields beside the standard ones. */
export function problem(error: ErrorInfo): { status: number; body: string } {
  const status = statusOf(error.code);
  return { status, body: JSON.stringify({ type: "about:blank", title: error.message, status, ...error }) };
}

/** An error in the form of OpenAI's API, with its own codes where it has them. */
export function openaiProblem({ code, message, next }: ErrorInfo): { status: number; body: string } {
  const status = statusOf(code);
  const known = code === "PLINTH_UNAUTHENTICATED" ? "invalid_api_key" : code === "PLINTH_RATE_LIMITED" ? "rate_limit_exceeded" : code;
  const type = status === 429 ? "rate_limit_error" : status >= 500 ? "server_error" : "invalid_request_error";
  const said = next === undefined ? message : `${message} ${next}`;
  return { status, body: JSON.stringify({ error: { message: said, type, param: null, code: known } }) };
}

/** By status, as Anthropic's API names them; what is not there is api_error. */
const ANTHROPIC: Record<number, string> = {
  400: "invalid_request_error",
  401: "authentication_error",
  403: "permission_error",
  404: "not_found_error",
  413: "request_too_large",
  429: "rate_limit_error",
  503: "overloaded_error",
  504: "timeout_error",
};

/** An error in the form of Anthropic's API. */
export function anthropicProblem({ code, message, next }: ErrorInfo): { status: number; body: string } {
  const status = statusOf(code);
  const said = next === undefined ? message : `${message} ${next}`;
  const type = ANTHROPIC[status] ?? (status < 500 ? "invalid_request_error" : "api_error");
  return { status, body: JSON.stringify({ type: "error", error: { type, message: said, code } }) };
}

/** As `errorInfo`; what an extension threw without a code is not shown to the public, only logged. */
export function publicInfo(thrown: unknown, role: "owner" | "guest"): ErrorInfo {
  const info = errorInfo(thrown);
  if (role === "owner" || (info.code !== "PLINTH_FAILED" && info.code !== "PLINTH_EXTENSION_FAILED")) return info;
  return { ...info, message: "The request failed inside the extension that answers it.", next: "The gateway's log says why." };
}

/** The gateway's own refusals. */
export const refuse = {
  badRequest: (why: string) => new PlinthError("PLINTH_BAD_REQUEST", `The request is not valid: ${why}.`, { next: "Correct the request." }),
  noToken: () =>
    new PlinthError("PLINTH_UNAUTHENTICATED", "This address needs the gateway's token.", {
      next: "Send it as `Authorization: Bearer TOKEN`; it stands in the file state/plinth.gateway/token of the home folder.",
    }),
  wrongToken: () =>
    new PlinthError("PLINTH_UNAUTHENTICATED", "The token is not this gateway's token.", {
      next: "Use the token in the file state/plinth.gateway/token of the home folder.",
    }),
  tooManyTokens: (seconds: number) =>
    new PlinthError("PLINTH_RATE_LIMITED", "Too many wrong tokens came from this address.", {
      next: `Wait ${seconds} s, then use the token in the file state/plinth.gateway/token of the home folder.`,
    }),
  host: () =>
    new PlinthError("PLINTH_HOST_REFUSED", "The gateway does not answer under this host name.", {
      next: "Use 127.0.0.1 or localhost, or add the name: plinth config set 'extensions[\"plinth.gateway\"].config.names' '[\"NAME\"]'",
    }),
  origin: () =>
    new PlinthError("PLINTH_ORIGIN_REFUSED", "Pages of this web origin may not use the gateway.", {
      next: "Open the gateway's own page, or add the origin: plinth config set 'extensions[\"plinth.gateway\"].config.origins' '[\"ORIGIN\"]'",
    }),
  notFound: (path: string) =>
    new PlinthError("PLINTH_NOT_FOUND", `Nothing answers at ${path.slice(0, 200)}.`, {
      next: "Check the path, or install the extension that provides it.",
    }),
  method: (allow: string) =>
    new PlinthError("PLINTH_METHOD_NOT_ALLOWED", `This path does not take that method; it takes ${allow}.`, {
      next: `Use ${allow}.`,
    }),
  tooLarge: (limit: number) =>
    new PlinthError("PLINTH_TOO_LARGE", `The body is larger than the ${limit} bytes that this path takes.`, {
      next: "Send less at once.",
    }),
  media: () =>
    new PlinthError("PLINTH_UNSUPPORTED_MEDIA", "The body is not UTF-8 text, or packed in a way that this path does not take.", {
      next: "Send it as plain text, without Content-Encoding.",
    }),
  slow: () => new PlinthError("PLINTH_TIMEOUT", "The body did not come in time.", { next: "Send it faster, or less of it." }),
  late: (route: string) =>
    new PlinthError("PLINTH_DEADLINE", `The route ${route} did not begin to answer in time.`, { next: "Try again; the gateway's log may say more." }),
  often: (seconds: number) =>
    new PlinthError("PLINTH_RATE_LIMITED", "This path takes no more requests from this address now.", { next: `Wait ${seconds} s.` }),
  upgrade: () => new PlinthError("PLINTH_UPGRADE_REQUIRED", "This path is for WebSockets.", { next: "Open it with a WebSocket client." }),
  noUpgrade: () => new PlinthError("PLINTH_NOT_FOUND", "No WebSocket is to be had at this path.", { next: "Send an ordinary request." }),
  tokenInAddress: () =>
    new PlinthError("PLINTH_BAD_REQUEST", "The address holds the gateway's token, which is written into histories and logs.", {
      next: "Send it as `Authorization: Bearer TOKEN`.",
    }),
  stopping: () => new PlinthError("PLINTH_STOPPING", "The gateway is stopping.", { next: "Try again when it runs." }),
  full: () =>
    new PlinthError("PLINTH_BUSY", "The gateway has no room for another connection.", { next: "Close some, or raise the limit `connections`." }),
  busy: (limit: number) =>
    new PlinthError("PLINTH_BUSY", `This connection has ${limit} unanswered requests already.`, {
      next: "Wait for answers first.",
    }),
};
