import { compatibleFailures } from "./compatible-failures.testing.ts";
import { of, openai, type VendorFailure } from "./vendor-failure.testing.ts";

const anthropic = (type: string, message: string) => ({ type: "error", error: { type, message }, request_id: "req_011" });
const google = (code: number, status: string, message: string, details: object[] = []) => ({ error: { code, message, status, details } });
const quota = (quotaId: string) => ({ "@type": "type.googleapis.com/google.rpc.QuotaFailure", violations: [{ quotaId }] });

/** Answers of vendors in the shapes that they publish, and what is to be done about each; written from the pages, not from the code. */
export const vendorFailures: readonly VendorFailure[] = [
  ...of(
    "OpenAI Codex",
    "https://github.com/openai/codex",
    [
      429,
      { error: { type: "usage_limit_reached", message: "The usage limit has been reached", plan_type: "plus", resets_in_seconds: 1_200 } },
      "QUOTA",
      { wait: 1_200_000 },
    ],
    [403, { error: { type: "usage_not_included", message: "Your plan does not include this." } }, "BILLING"],
  ),
  ...of(
    "OpenAI",
    "https://platform.openai.com/docs/guides/error-codes",
    [
      401,
      openai(
        "Incorrect API key provided: sk-abc. You can find your API key at https://platform.openai.com/account/api-keys.",
        "invalid_request_error",
        "invalid_api_key",
      ),
      "AUTH",
    ],
    [403, openai("Country, region, or territory not supported", "request_forbidden", "unsupported_country_region_territory"), "AUTH"],
    [
      429,
      openai("You exceeded your current quota, please check your plan and billing details.", "insufficient_quota", "insufficient_quota"),
      "QUOTA",
    ],
    [
      429,
      openai(
        "Rate limit reached for gpt-4o in organization org-x on requests per min (RPM): Limit 3, Used 3, Requested 1. Please try again in 20s.",
        "requests",
        "rate_limit_exceeded",
      ),
      "RATE",
      { wait: 20_000 },
    ],
    [
      429,
      openai(
        "Request too large for gpt-4o in organization org-x on tokens per min (TPM): Limit 30000, Requested 41234. The input or output tokens must be reduced in order to run successfully.",
        "tokens",
        "rate_limit_exceeded",
      ),
      "CONTEXT",
    ],
    [
      429,
      openai("Rate limit reached", "tokens", "rate_limit_exceeded"),
      "RATE",
      {
        headers: {
          "x-ratelimit-remaining-tokens": "0",
          "x-ratelimit-reset-tokens": "6m0s",
          "x-ratelimit-remaining-requests": "59",
          "x-ratelimit-reset-requests": "1s",
        },
        wait: 360_000,
      },
    ],
    [503, openai("The engine is currently overloaded, please try again later", "server_error", null), "OVERLOADED"],
    [500, openai("The server had an error while processing your request. Sorry about that!", "server_error", null), "SERVER"],
    [
      400,
      openai(
        "This model's maximum context length is 128000 tokens. However, your messages resulted in 130001 tokens. Please reduce the length of the messages.",
        "invalid_request_error",
        "context_length_exceeded",
        "messages",
      ),
      "CONTEXT",
    ],
    [
      400,
      openai(
        "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
        "invalid_request_error",
        "unsupported_parameter",
        "max_tokens",
      ),
      "UNSUPPORTED",
    ],
    [404, openai("The model `gpt-9` does not exist or you do not have access to it.", "invalid_request_error", "model_not_found"), "UNKNOWN"],
    [
      400,
      openai(
        "Invalid schema for function 'x': schema must be a JSON Schema of 'type: \"object\"', got 'type: \"None\"'.",
        "invalid_request_error",
        "invalid_function_parameters",
        "tools[0].function.parameters",
      ),
      "REQUEST",
    ],
  ),
  ...of(
    "Azure OpenAI",
    "https://learn.microsoft.com/en-us/azure/ai-services/openai/concepts/content-filter",
    [
      400,
      {
        error: {
          message: "The response was filtered due to the prompt triggering Azure OpenAI's content management policy.",
          type: null,
          param: "prompt",
          code: "content_filter",
          status: 400,
          innererror: { code: "ResponsibleAIPolicyViolation" },
        },
      },
      "FILTER",
    ],
    [404, { error: { code: "DeploymentNotFound", message: "The API deployment for this resource does not exist." } }, "UNKNOWN"],
    [401, { statusCode: 401, message: "Unauthorized. Access token is missing, invalid, audience is incorrect, or have expired." }, "AUTH"],
    [
      429,
      {
        error: {
          code: "429",
          message:
            "Requests to the ChatCompletions_Create Operation under Azure OpenAI API have exceeded token rate limit of your current OpenAI S0 pricing tier. Please retry after 26 seconds.",
        },
      },
      "RATE",
      { wait: 26_000 },
    ],
  ),
  ...of(
    "Anthropic",
    "https://docs.claude.com/en/api/errors",
    [400, anthropic("invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum"), "CONTEXT"],
    [
      400,
      anthropic(
        "invalid_request_error",
        "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade or purchase credits.",
      ),
      "BILLING",
    ],
    [401, anthropic("authentication_error", "invalid x-api-key"), "AUTH"],
    [403, anthropic("permission_error", "Your API key does not have permission to use the specified resource."), "AUTH"],
    [404, anthropic("not_found_error", "model: claude-9"), "UNKNOWN"],
    [
      429,
      anthropic("rate_limit_error", "This request would exceed your organization's rate limit of 50 requests per minute."),
      "RATE",
      { headers: { "retry-after": "12" }, wait: 12_000 },
    ],
    [500, anthropic("api_error", "Internal server error"), "SERVER"],
    [529, anthropic("overloaded_error", "Overloaded"), "OVERLOADED"],
    [400, anthropic("invalid_request_error", "Output blocked by content filtering policy"), "FILTER"],
  ),
  ...of(
    "Google Gemini",
    "https://ai.google.dev/gemini-api/docs/troubleshooting",
    [
      400,
      google(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.", [
        { "@type": "type.googleapis.com/google.rpc.ErrorInfo", reason: "API_KEY_INVALID" },
      ]),
      "AUTH",
    ],
    [
      429,
      google(429, "RESOURCE_EXHAUSTED", "You exceeded your current quota, please check your plan and billing details.", [
        quota("GenerateRequestsPerMinutePerProjectPerModel-FreeTier"),
        { "@type": "type.googleapis.com/google.rpc.RetryInfo", retryDelay: "34s" },
      ]),
      "RATE",
      { wait: 34_000 },
    ],
    [
      429,
      google(429, "RESOURCE_EXHAUSTED", "You exceeded your current quota, please check your plan and billing details.", [
        quota("GenerateRequestsPerDayPerProjectPerModel-FreeTier"),
      ]),
      "QUOTA",
    ],
    [503, google(503, "UNAVAILABLE", "The model is overloaded. Please try again later."), "OVERLOADED"],
    [400, google(400, "INVALID_ARGUMENT", "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576)."), "CONTEXT"],
    [404, google(404, "NOT_FOUND", "models/gemini-9 is not found for API version v1beta, or is not supported for generateContent."), "UNKNOWN"],
    [504, google(504, "DEADLINE_EXCEEDED", "The service is unable to finish processing within the deadline."), "SERVER"],
  ),
  ...of(
    "Amazon Bedrock",
    "https://docs.aws.amazon.com/bedrock/latest/userguide/troubleshooting-api-error-codes.html",
    [
      429,
      { message: "Too many tokens, please wait before trying again." },
      "RATE",
      { headers: { "x-amzn-errortype": "ThrottlingException:http://internal.amazon.com/coral/" } },
    ],
    [
      403,
      { message: "The security token included in the request is invalid." },
      "AUTH",
      { headers: { "x-amzn-errortype": "UnrecognizedClientException" } },
    ],
    [400, { message: "The provided model identifier is invalid." }, "UNKNOWN", { headers: { "x-amzn-errortype": "ValidationException" } }],
    [400, { message: "Input is too long for requested model." }, "CONTEXT", { headers: { "x-amzn-errortype": "ValidationException" } }],
    [
      503,
      { message: "Bedrock is unable to process your request." },
      "OVERLOADED",
      { headers: { "x-amzn-errortype": "ServiceUnavailableException" } },
    ],
    [
      429,
      { message: "Model is not ready for inference. Please retry." },
      "OVERLOADED",
      { headers: { "x-amzn-errortype": "ModelNotReadyException" } },
    ],
  ),
  ...of(
    "fal",
    "https://fal.ai/docs/model-apis/errors",
    [401, { detail: "No user found for Key ID and Secret" }, "AUTH"],
    [403, { detail: "User is locked. Reason: Exhausted balance. Top up your balance at fal.ai/dashboard/billing." }, "BILLING"],
    [422, problem(["body", "prompt"], "The content could not be processed.", "content_policy_violation"), "FILTER"],
    [422, problem(["body", "num_inference_steps"], "Input should be greater than 0", "greater_than"), "REQUEST"],
    [500, problem(["body"], "Downstream service unavailable", "downstream_service_unavailable"), "OVERLOADED"],
    [
      429,
      { detail: "Concurrent requests limit exceeded", error_type: "concurrent_requests_limit" },
      "RATE",
      { headers: { "retry-after": "2" }, wait: 2_000 },
    ],
    [503, { detail: "No runner could be allocated", error_type: "runner_scheduling_failure" }, "OVERLOADED"],
    [504, { detail: "Request timed out", error_type: "request_timeout" }, "SERVER"],
  ),
  ...compatibleFailures,
];

/** One line of what a server made with FastAPI says. */
function problem(loc: string[], msg: string, type: string) {
  return { detail: [{ loc, msg, type }] };
}
