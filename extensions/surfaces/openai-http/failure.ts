import { type ErrorInfo, errorInfo } from "@plinth/sdk";

/** An error as OpenAI's clients expect it: an HTTP status and an error object. */
export class ApiFailure extends Error {
  readonly status: number;
  readonly type: string;
  readonly code: string | null;
  readonly param: string | null;

  constructor(status: number, message: string, options: { type?: string; code?: string | null; param?: string | null } = {}) {
    super(message);
    this.status = status;
    this.type = options.type ?? "invalid_request_error";
    this.code = options.code ?? null;
    this.param = options.param ?? null;
  }

  get body(): { error: { message: string; type: string; param: string | null; code: string | null } } {
    const { message, type, param, code } = this;
    return { error: { message, type, param, code } };
  }
}

export const invalid = (message: string, param: string | null, code: string | null = null): ApiFailure =>
  new ApiFailure(400, message, { param, code });

export const noSuchModel = (model: string): ApiFailure =>
  new ApiFailure(
    404,
    `The model ${JSON.stringify(model.slice(0, 100))} does not exist. GET /v1/models lists what there is; a name such as provider/model chooses a model directly.`,
    {
      param: "model",
      code: "model_not_found",
    },
  );

const KINDS: Record<string, [status: number, type: string]> = {
  PLINTH_MODEL_RATE: [429, "rate_limit_error"],
  PLINTH_QUOTA: [429, "rate_limit_error"],
  PLINTH_MODEL_QUOTA: [429, "insufficient_quota"],
  PLINTH_MODEL_OVERLOADED: [503, "server_error"],
  PLINTH_MODEL_REQUEST: [400, "invalid_request_error"],
  PLINTH_MODEL_CONTEXT: [400, "invalid_request_error"],
  PLINTH_MODEL_UNSUPPORTED: [400, "invalid_request_error"],
  PLINTH_MODEL_FILTER: [400, "invalid_request_error"],
  PLINTH_MODEL_UNKNOWN: [404, "invalid_request_error"],
  PLINTH_SESSION_BUSY: [409, "conflict_error"],
  PLINTH_GATE_DENIED: [403, "permission_error"],
  PLINTH_PERMISSION: [403, "permission_error"],
  PLINTH_FORBIDDEN: [403, "permission_error"],
  PLINTH_CAPABILITY_MISSING: [503, "server_error"],
  PLINTH_STOPPING: [503, "server_error"],
  PLINTH_QUARANTINED: [503, "server_error"],
  PLINTH_DEADLINE: [504, "server_error"],
};

/** Whatever went wrong, in OpenAI's form; Plinth's code stays, its next step goes into the message. */
export function failureOf(thrown: unknown): ApiFailure {
  if (thrown instanceof ApiFailure) return thrown;
  const info: ErrorInfo = errorInfo(thrown);
  const [status, type] = KINDS[info.code] ?? (info.code.endsWith("_BUSY") ? [409, "conflict_error"] : [500, "server_error"]);
  return new ApiFailure(status, info.next === undefined ? info.message : `${info.message} ${info.next}`, { type, code: info.code });
}
