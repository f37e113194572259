import { randomBytes } from "node:crypto";
import type { ApiFailure } from "../failure.ts";

/** By status; what is not there is api_error. https://platform.claude.com/docs/en/api/errors */
const TYPES: Readonly<Record<number, string>> = {
  400: "invalid_request_error",
  401: "authentication_error",
  402: "billing_error",
  403: "permission_error",
  404: "not_found_error",
  413: "request_too_large",
  422: "invalid_request_error",
  424: "invalid_request_error",
  429: "rate_limit_error",
  503: "overloaded_error",
  504: "timeout_error",
};

/** A failure as Anthropic's clients expect it, with what Plinth says besides. */
export function anthropicFailure({ status, message, code, param }: ApiFailure): object {
  const error = {
    type: TYPES[status] ?? "api_error",
    // By these words clients know that they can shorten the conversation.
    message: code === "context_length_exceeded" ? `prompt is too long: ${message}` : message,
    ...(code === null ? {} : { code }),
    ...(param === null ? {} : { param }),
  };
  return { type: "error", error, request_id: `req_${randomBytes(12).toString("hex")}` };
}
