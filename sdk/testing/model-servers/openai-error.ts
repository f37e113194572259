import type { PlainAnswer } from "./plain-server.ts";

/** A refusal, as https://platform.openai.com/docs/guides/error-codes has it. */
export const openaiError = (status: number, message: string, param: string | null, code: string | null): PlainAnswer => ({
  status,
  body: { error: { message, type: "invalid_request_error", param, code } },
});
