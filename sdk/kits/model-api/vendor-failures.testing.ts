import type { FailureKind } from "./failure.ts";

export interface VendorFailure {
  vendor: string;
  /** Where the vendor writes about its errors. */
  page: string;
  status: number;
  body: unknown;
  headers?: Record<string, string>;
  kind: FailureKind;
  /** Milliseconds, where the answer says when to ask again. */
  wait?: number;
}

/** A row's vendor and page go for all of its answers. */
function of(
  vendor: string,
  page: string,
  ...answers: [number, unknown, FailureKind, { headers?: Record<string, string>; wait?: number }?][]
): VendorFailure[] {
  return answers.map(([status, body, kind, more = {}]) => ({ vendor, page, status, body, kind, ...more }));
}

const openai = (message: string, type: string, code: string | null, param: string | null = null) => ({ error: { message, type, param, code } });
const anthropic = (type: string, message: string) => ({ type: "error", error: { type, message }, request_id: "req_011" });
const google = (code: number, status: string, message: string, details: object[] = []) => ({ error: { code, message, status, details } });
const quota = (quotaId: string) => ({ "@type": "type.googleapis.com/google.rpc.QuotaFailure", violations: [{ quotaId }] });

/** Answers of vendors in the shapes that they publish, and what is to be done about each; written from the pages, not from the code. */
export const vendorFailures: readonly VendorFailure[] = [
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
    "DeepSeek",
    "https://api-docs.deepseek.com/quick_start/error_codes",
    [402, openai("Insufficient Balance", "unknown_error", "invalid_request_error"), "BILLING"],
    [401, openai("Authentication Fails (no such user)", "authentication_error", "invalid_request_error"), "AUTH"],
    [
      503,
      openai(
        "Service is too busy. We advise users to temporarily switch to alternative LLM API service providers.",
        "service_unavailable_error",
        null,
      ),
      "OVERLOADED",
    ],
  ),
  ...of(
    "Mistral",
    "https://docs.mistral.ai/api/",
    [400, { object: "error", message: "Invalid model: mistral-9", type: "invalid_model", param: null, code: "1500" }, "UNKNOWN"],
    [
      422,
      { detail: [{ type: "extra_forbidden", loc: ["body", "stream_options"], msg: "Extra inputs are not permitted", input: {} }] },
      "UNSUPPORTED",
    ],
    [
      429,
      {
        object: "error",
        message: "Service tier capacity exceeded for this model.",
        type: "service_tier_capacity_exceeded",
        param: null,
        code: "3505",
      },
      "OVERLOADED",
    ],
    [429, { message: "Requests rate limit exceeded" }, "RATE"],
  ),
  ...of(
    "Groq",
    "https://console.groq.com/docs/errors",
    [
      413,
      openai(
        "Request too large for model `llama-3.3-70b` on tokens per minute (TPM): Limit 6000, Requested 7523, please reduce your message size and try again.",
        "tokens",
        "rate_limit_exceeded",
      ),
      "CONTEXT",
    ],
    [
      429,
      openai(
        "Rate limit reached for model `llama-3.3-70b` on tokens per day (TPD): Limit 100000, Used 99500, Requested 700. Please try again in 2m52.8s.",
        "tokens",
        "rate_limit_exceeded",
      ),
      "QUOTA",
      { wait: 172_800 },
    ],
    [498, openai("Flex tier capacity exceeded", "capacity_exceeded", null), "OVERLOADED"],
  ),
  ...of(
    "OpenRouter",
    "https://openrouter.ai/docs/api-reference/errors",
    [402, { error: { code: 402, message: "This request requires more credits, or fewer max_tokens." } }, "BILLING"],
    [
      403,
      {
        error: {
          code: 403,
          message: "Your chosen model requires moderation and your input was flagged",
          metadata: { reasons: ["violence"], flagged_input: "…" },
        },
      },
      "FILTER",
    ],
    [404, { error: { code: 404, message: "No endpoints found that support tool use." } }, "UNSUPPORTED"],
    [
      429,
      {
        error: { code: 429, message: "Provider returned error", metadata: { raw: "model is temporarily rate-limited upstream", provider_name: "X" } },
      },
      "RATE",
    ],
    [502, { error: { code: 502, message: "Provider returned error" } }, "SERVER"],
    [403, { error: { code: 403, message: "Key limit exceeded (monthly limit). Manage it using the settings page." } }, "QUOTA"],
  ),
  ...of(
    "xAI",
    "https://docs.x.ai/docs/key-information/debugging",
    [
      400,
      {
        code: "Client specified an invalid argument",
        error: "Incorrect API key provided: xa***. You can obtain an API key from https://console.x.ai.",
      },
      "AUTH",
    ],
    [
      403,
      {
        code: "The caller does not have permission to execute the specified operation",
        error: "Your newly created team doesn't have any credits yet.",
      },
      "BILLING",
    ],
    [
      404,
      { code: "Some requested entity was not found", error: "The model grok-9 does not exist or your team does not have access to it." },
      "UNKNOWN",
    ],
  ),
  ...of(
    "Moonshot",
    "https://platform.moonshot.ai/docs/api/chat",
    [
      429,
      { error: { type: "exceeded_current_quota_error", message: "Your account is suspended, please check your plan and billing details" } },
      "QUOTA",
    ],
    [429, { error: { type: "engine_overloaded_error", message: "The engine is currently overloaded, please try again later" } }, "OVERLOADED"],
    [400, { error: { type: "content_filter", message: "The request was rejected because it was considered high risk" } }, "FILTER"],
    [400, { error: { type: "invalid_request_error", message: "Invalid request: Your request exceeded model token limit: 8192" } }, "CONTEXT"],
  ),
  ...of(
    "Alibaba Model Studio",
    "https://www.alibabacloud.com/help/en/model-studio/error-code",
    [
      400,
      { error: { code: "Arrearage", message: "Access denied, please make sure your account is in good standing.", type: "Arrearage" } },
      "BILLING",
    ],
    [
      400,
      { error: { code: "data_inspection_failed", message: "Input data may contain inappropriate content.", type: "data_inspection_failed" } },
      "FILTER",
    ],
    [
      400,
      { error: { code: "invalid_parameter_error", message: "Range of input length should be [1, 30720]", type: "invalid_request_error" } },
      "CONTEXT",
    ],
    [429, { error: { code: "limit_requests", message: "You have exceeded your current request limit.", type: "limit_requests" } }, "RATE"],
  ),
  ...of(
    "Z.AI",
    "https://docs.z.ai/api-reference/api-code",
    [429, { error: { code: "1113", message: "Insufficient balance or no resource package. Please recharge." } }, "BILLING"],
    [429, { error: { code: "1302", message: "Rate limit reached for requests" } }, "RATE"],
    [400, { error: { code: "1301", message: "System detected potentially unsafe or sensitive content in input or generation." } }, "FILTER"],
  ),
  ...of("Cloudflare", "https://developers.cloudflare.com/fundamentals/api/troubleshooting/", [
    401,
    { success: false, errors: [{ code: 10000, message: "Authentication error" }], result: null },
    "AUTH",
  ]),
  ...of("MiniMax", "https://www.minimax.io/platform/document/errorcode", [
    400,
    { base_resp: { status_code: 1008, status_msg: "insufficient balance" } },
    "BILLING",
  ]),
  ...of(
    "Hugging Face",
    "https://huggingface.co/docs/inference-providers/pricing",
    [402, { error: "You have exceeded your monthly included credits for Inference Providers." }, "QUOTA"],
    [503, { error: "Model x is currently loading", estimated_time: 20 }, "OVERLOADED"],
  ),
  ...of(
    "Ollama",
    "https://github.com/ollama/ollama/blob/main/docs/api.md",
    [404, { error: "model 'x' not found" }, "UNKNOWN"],
    [400, { error: "registry.ollama.ai/library/phi:latest does not support tools" }, "UNSUPPORTED"],
    [503, { error: "server busy, please try again.  maximum pending requests exceeded" }, "OVERLOADED"],
  ),
  ...of(
    "llama.cpp",
    "https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md",
    [
      400,
      {
        error: {
          code: 400,
          message: "the request exceeds the available context size, try increasing it",
          type: "exceed_context_size_error",
          n_prompt_tokens: 20105,
          n_ctx: 2048,
        },
      },
      "CONTEXT",
    ],
    [503, { error: { code: 503, message: "Loading model", type: "unavailable_error" } }, "OVERLOADED"],
    [401, { error: { code: 401, message: "Invalid API Key", type: "authentication_error" } }, "AUTH"],
  ),
  ...of(
    "vLLM",
    "https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html",
    [404, { object: "error", message: "The model `x` does not exist.", type: "NotFoundError", param: null, code: 404 }, "UNKNOWN"],
    [
      400,
      {
        object: "error",
        message:
          "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens in the messages, Please reduce the length of the messages.",
        type: "BadRequestError",
        param: null,
        code: 400,
      },
      "CONTEXT",
    ],
  ),
  ...of(
    "LiteLLM",
    "https://docs.litellm.ai/docs/exception_mapping",
    [
      400,
      { error: { message: "litellm.ContextWindowExceededError: litellm.BadRequestError: prompt is too long", type: null, param: null, code: "400" } },
      "CONTEXT",
    ],
    [429, { error: { message: "litellm.RateLimitError: RateLimitError: slow down", type: "throttling_error", param: null, code: "429" } }, "RATE"],
  ),
  ...of(
    "a proxy",
    "https://www.rfc-editor.org/rfc/rfc9110#name-502-bad-gateway",
    [502, "<html><body>502 Bad Gateway</body></html>", "SERVER"],
    [408, "request timeout", "SERVER"],
  ),
];
