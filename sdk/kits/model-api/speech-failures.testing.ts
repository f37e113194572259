import { of, type VendorFailure } from "./vendor-failure.testing.ts";

const eleven = (status: string, message: string, more: object = {}) => ({ detail: { status, message, ...more } });

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
];
