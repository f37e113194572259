import { of, type VendorFailure } from "./vendor-failure.testing.ts";

const eleven = (status: string, message: string, more: object = {}) => ({ detail: { status, message, ...more } });

const deepgram = (code: string, message: string) => ({ err_code: code, err_msg: message, request_id: "uuid" });

/** Answers of vendors of speech, in the shapes that they publish. */
export const speechFailures: readonly VendorFailure[] = [
  ...of(
    "ElevenLabs",
    "https://help.elevenlabs.io/hc/en-us/articles/19572237925521",
    [401, eleven("invalid_api_key", "Invalid API key"), "AUTH"],
    [401, eleven("quota_exceeded", "This request exceeds your quota. You have 12 credits remaining, while 640 credits are required."), "QUOTA"],
    [
      400,
      eleven(
        "max_character_limit_exceeded",
        "This request's text has 627 characters and exceeds the character limit of 333 characters for non signed in accounts.",
      ),
      "CONTEXT",
    ],
    [404, eleven("voice_not_found", "A voice with the voice_id abc was not found."), "REQUEST"],
    [403, eleven("only_for_creator+", "Professional voices need the Creator tier."), "AUTH"],
    [429, eleven("too_many_concurrent_requests", "Too many concurrent requests."), "RATE", { headers: { "retry-after": "2" }, wait: 2_000 }],
    [429, eleven("system_busy", "We are experiencing heavy traffic."), "OVERLOADED"],
    [
      400,
      eleven("unsupported_model", "Providing previous_text or next_text is not yet supported with the 'eleven_v3' model.", {
        type: "validation_error",
        code: "unsupported_model",
        param: "model_id",
      }),
      "UNSUPPORTED",
    ],
    [422, { detail: [{ type: "missing", loc: ["body", "text"], msg: "Field required", input: {} }] }, "REQUEST"],
  ),
  ...of(
    "Deepgram",
    "https://developers.deepgram.com/reference/errors",
    [
      400,
      {
        category: "INVALID_JSON",
        message: "Invalid JSON submitted.",
        details: "Json deserialize error: missing field `text` at line 7 column 1",
        request_id: "uuid",
      },
      "REQUEST",
    ],
    [400, deepgram("Bad Request", "Bad Request: failed to process audio: corrupt or unsupported data"), "REQUEST"],
    [401, deepgram("INVALID_AUTH", "Invalid credentials."), "AUTH"],
    [
      402,
      deepgram("ASR_PAYMENT_REQUIRED", "Project does not have enough credits for an ASR request and does not have an overage agreement."),
      "BILLING",
    ],
    [403, deepgram("INSUFFICIENT_PERMISSIONS", "Project does not have access to the requested model."), "UNKNOWN"],
    [413, deepgram("PAYLOAD_TOO_LARGE", "Input text exceeds maximum character limit of 2000."), "CONTEXT"],
    [429, deepgram("TOO_MANY_REQUESTS", "Too many requests. Please try again later"), "RATE"],
  ),
];
