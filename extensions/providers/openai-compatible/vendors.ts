/** One server family that speaks the OpenAI chat-completions protocol. The manifest repeats id, title, priority and local. */
export interface Vendor {
  readonly id: string;
  readonly title: string;
  /** Order of the automatic choice: the lowest ready one wins. */
  readonly priority: number;
  readonly baseUrl?: string;
  /** Environment variable with another address. */
  readonly baseUrlEnv?: string;
  /** Environment variable with the model of the automatic choice. */
  readonly modelEnv?: string;
  readonly secret?: string;
  /** Runs on this machine and needs no key: it is ready when it answers. */
  readonly local?: boolean;
  readonly defaultModel?: string;
  /** How GET /models wants the key; default: as a bearer token. */
  readonly modelsKeyHeader?: "x-api-key";
  readonly headers?: Readonly<Record<string, string>>;
  /** Takes what only OpenAI's own server takes: metadata, and a key for its cache. */
  readonly openai?: boolean;
  /** The field that limits the answer's length; default `max_tokens`. */
  readonly maxTokensField?: "max_completion_tokens";
}

export const vendors: readonly Vendor[] = [
  // Chosen by hand, so that it goes before all others once it has an address.
  { id: "custom", title: "Custom server", priority: 5, secret: "CUSTOM_API_KEY" },
  {
    id: "openai",
    title: "OpenAI",
    priority: 10,
    baseUrl: "https://api.openai.com/v1",
    baseUrlEnv: "OPENAI_BASE_URL",
    modelEnv: "OPENAI_MODEL",
    secret: "OPENAI_API_KEY",
    defaultModel: "gpt-5-mini",
    maxTokensField: "max_completion_tokens",
    openai: true,
  },
  {
    id: "anthropic",
    title: "Anthropic",
    priority: 20,
    baseUrl: "https://api.anthropic.com/v1",
    secret: "ANTHROPIC_API_KEY",
    defaultModel: "claude-sonnet-4-5",
    modelsKeyHeader: "x-api-key",
    headers: { "anthropic-version": "2023-06-01" },
  },
  {
    id: "openrouter",
    title: "OpenRouter",
    priority: 30,
    baseUrl: "https://openrouter.ai/api/v1",
    secret: "OPENROUTER_API_KEY",
    defaultModel: "openrouter/auto",
  },
  {
    id: "groq",
    title: "Groq",
    priority: 40,
    baseUrl: "https://api.groq.com/openai/v1",
    secret: "GROQ_API_KEY",
    defaultModel: "llama-3.3-70b-versatile",
  },
  {
    id: "mistral",
    title: "Mistral",
    priority: 45,
    baseUrl: "https://api.mistral.ai/v1",
    secret: "MISTRAL_API_KEY",
    defaultModel: "mistral-large-latest",
  },
  {
    id: "deepseek",
    title: "DeepSeek",
    priority: 50,
    baseUrl: "https://api.deepseek.com/v1",
    secret: "DEEPSEEK_API_KEY",
    defaultModel: "deepseek-chat",
  },
  { id: "xai", title: "xAI", priority: 55, baseUrl: "https://api.x.ai/v1", secret: "XAI_API_KEY", defaultModel: "grok-4" },
  {
    id: "gemini",
    title: "Google Gemini",
    priority: 60,
    baseUrl: "https://generativelanguage.googleapis.com/v1beta/openai",
    secret: "GEMINI_API_KEY",
    defaultModel: "gemini-2.5-flash",
  },
  { id: "ollama", title: "Ollama", priority: 80, baseUrl: "http://127.0.0.1:11434/v1", baseUrlEnv: "OLLAMA_HOST", local: true },
  { id: "llamacpp", title: "llama.cpp", priority: 90, baseUrl: "http://127.0.0.1:8080/v1", baseUrlEnv: "LLAMACPP_BASE_URL", local: true },
];

export interface VendorConfig {
  baseUrl?: string;
  models?: string[];
  defaultModel?: string;
  /** Name of the secret to send; one that the manifest declares. */
  secret?: string;
}
