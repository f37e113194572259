import { type ErrorInfo, errorInfo } from "@plinth/sdk";

/** Of a message, in characters: it may repeat what a client sent. */
const LONGEST = 2_000;

/** An error as clients expect it: an HTTP status and what an error object of their dialect is made of. */
export class ApiFailure extends Error {
  readonly status: number;
  readonly type: string;
  readonly code: string | null;
  readonly param: string | null;
  readonly retryAfterMs: number | undefined;

  constructor(
    status: number,
    message: string,
    options: { type?: string; code?: string | null; param?: string | null; retryAfterMs?: number | undefined } = {},
  ) {
    super(message.slice(0, LONGEST));
    this.status = status;
    this.type = options.type ?? "invalid_request_error";
    this.code = options.code ?? null;
    this.param = options.param ?? null;
    this.retryAfterMs = options.retryAfterMs;
  }

  /** As OpenAI says it. */
  get body(): { error: { message: string; type: string; param: string | null; code: string | null } } {
    const { message, type, param, code } = this;
    return { error: { message, type, param, code } };
  }

  /** The clients of OpenAI and Anthropic ask again on 409, 429 and 5xx unless `x-should-retry` says otherwise. */
  get headers(): Record<string, string> {
    const { retryAfterMs, status, type } = this;
    return {
      ...(retryAfterMs === undefined ? {} : { "retry-after": String(Math.ceil(retryAfterMs / 1000)) }),
      ...((status >= 500 || status === 429 || status === 409) && FINAL.has(type) ? { "x-should-retry": "false" } : {}),
    };
  }
}

/** Types of failures that asking again does not mend. */
const FINAL = new Set(["insufficient_quota", "timeout_error"]);

export const noSuchModel = (model: string): ApiFailure =>
  new ApiFailure(
    404,
    `The model ${JSON.stringify(model.slice(0, 100))} does not exist. GET /v1/models lists what there is; a name such as provider/model chooses a model directly.`,
    {
      param: "model",
      code: "model_not_found",
    },
  );

type Kind = readonly [status: number, type: string, code?: string];

const REQUEST: Kind = [400, "invalid_request_error"];
const REFUSED: Kind = [403, "permission_error"];
const AGAIN: Kind = [503, "server_error"];
/** Something behind this interface has to be set right by its owner; asking again is no use. */
const BEHIND: Kind = [424, "upstream_error"];
const LIMIT: Kind = [422, "invalid_request_error"];

/** Where OpenAI has a code that clients look for, it stands in the place of Plinth's. */
const KINDS = new Map(
  Object.entries<Kind>({
    PLINTH_MODEL_RATE: [429, "rate_limit_error"],
    PLINTH_QUOTA: [429, "insufficient_quota"],
    PLINTH_QUEUE_FULL: [429, "rate_limit_error"],
    PLINTH_SPENDING_LIMIT: [429, "insufficient_quota"],
    PLINTH_MODEL_QUOTA: [429, "insufficient_quota", "insufficient_quota"],
    PLINTH_MODEL_BILLING: [402, "insufficient_quota"],
    PLINTH_MODEL_AUTH: BEHIND,
    PLINTH_MODEL_NONE: BEHIND,
    PLINTH_MODEL_NOT_READY: BEHIND,
    PLINTH_HARNESS: BEHIND,
    PLINTH_MODEL_OVERLOADED: AGAIN,
    PLINTH_MODEL_SERVER: [502, "server_error"],
    PLINTH_MODEL_NETWORK: [502, "server_error"],
    PLINTH_MODEL_STREAM: [502, "server_error"],
    PLINTH_MODEL_REQUEST: REQUEST,
    PLINTH_MODEL_CONTEXT: [400, "invalid_request_error", "context_length_exceeded"],
    PLINTH_MODEL_UNSUPPORTED: REQUEST,
    PLINTH_MODEL_FILTER: [400, "invalid_request_error", "content_filter"],
    PLINTH_MODEL_UNKNOWN: [404, "invalid_request_error", "model_not_found"],
    PLINTH_HARNESS_TOOLS: REQUEST,
    PLINTH_BAD_REQUEST: REQUEST,
    PLINTH_INPUT: REQUEST,
    PLINTH_TURN_LIMIT: LIMIT,
    PLINTH_ANSWER_TOO_LONG: LIMIT,
    PLINTH_PAYLOAD: LIMIT,
    PLINTH_ABORTED: LIMIT,
    PLINTH_SESSION_BUSY: [409, "conflict_error"],
    PLINTH_SESSION_MOVED: [409, "conflict_error"],
    PLINTH_GATE_DENIED: REFUSED,
    PLINTH_PERMISSION: REFUSED,
    PLINTH_FORBIDDEN: REFUSED,
    PLINTH_RUN_FORBIDDEN: REFUSED,
    PLINTH_CAPABILITY_MISSING: AGAIN,
    PLINTH_STOPPING: AGAIN,
    PLINTH_QUARANTINED: AGAIN,
    PLINTH_TURN_TIMEOUT: [504, "timeout_error"],
    PLINTH_DEADLINE: [504, "server_error"],
  }),
);

/** Whatever went wrong; its next step goes into the message. */
export function failureOf(thrown: unknown): ApiFailure {
  if (thrown instanceof ApiFailure) return thrown;
  const info: ErrorInfo = errorInfo(thrown);
  const [status, type, code = info.code] = KINDS.get(info.code) ?? (info.code.endsWith("_BUSY") ? [409, "conflict_error"] : [500, "server_error"]);
  const message = info.next === undefined ? info.message : `${info.message} ${info.next}`;
  return new ApiFailure(status, message, { type, code, retryAfterMs: info.retryAfterMs, ...(code === "model_not_found" ? { param: "model" } : {}) });
}
