import { of, openai, type VendorFailure } from "./vendor-failure.testing.ts";

/** Of vendors whose protocol is OpenAI's, and of servers of one's own. */
export const compatibleFailures: readonly VendorFailure[] = [
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
