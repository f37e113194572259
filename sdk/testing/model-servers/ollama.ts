import { type AskedRequest, callId, endOf, type ScriptedAnswer, type Wire } from "./script.ts";
import { type ModelServer, type ModelServerOptions, modelServer } from "./server.ts";

export interface OllamaServerOptions extends ModelServerOptions {
  /** What `POST /api/show` says that each model can do. Default: completion, tools, vision, thinking. */
  capabilities?: string[];
  /** The models' context, in tokens. Default: 32768. */
  contextTokens?: number;
  /** The parameters of the models' files, a line each. */
  parameters?: string;
}

/** A server of Ollama's own protocol, as https://github.com/ollama/ollama/blob/main/docs/api.md publishes it: chat, tags and show. */
export function ollamaServer(options: OllamaServerOptions = {}): Promise<ModelServer> {
  return modelServer(ollamaWire(options), options);
}

export function ollamaWire({
  capabilities = ["completion", "tools", "vision", "thinking"],
  contextTokens = 32_768,
  parameters = "",
}: OllamaServerOptions = {}): Wire {
  return {
    paths: /^\/api\/chat$/,
    contentType: "application/x-ndjson",
    isStream: ({ body }) => body?.stream !== false,
    *stream(answer, request) {
      const line = (fields: object) => `${JSON.stringify({ model: request.body?.model, created_at: "2026-01-01T00:00:00Z", ...fields })}\n`;
      const message = (fields: object) => line({ message: { role: "assistant", content: "", ...fields }, done: false });
      let position = 0;
      for (const one of answer.say ?? []) {
        if ("raw" in one) yield one.raw;
        else if ("text" in one) yield message({ content: one.text });
        else if ("refusal" in one) yield message({ content: one.refusal });
        else if ("reasoning" in one) yield message({ thinking: one.reasoning });
        else yield message({ tool_calls: [callOf(one.call, request, position++)] });
      }
      if (endOf(answer) === "none") return;
      yield line({ message: { role: "assistant", content: "" }, ...lastOf(answer) });
    },
    whole: (answer, request) => ({ model: request.body?.model, message: wholeMessage(answer, request), ...lastOf(answer) }),
    other({ method, path, body }, models) {
      if (method === "GET" && path === "/api/tags")
        return { models: models.map((name) => ({ name, model: name, size: 1, details: { family: "llama" } })) };
      if (method !== "POST" || path !== "/api/show" || !models.includes(body?.model)) return undefined;
      const facts = { "general.architecture": "llama", "llama.context_length": contextTokens };
      return { details: { family: "llama" }, model_info: facts, capabilities, parameters };
    },
  };
}

/** Arguments are an object; a script's text is sent as it is, as no good server does. */
function callOf({ id, name, args }: { id?: string; name: string; args: unknown }, request: AskedRequest, position: number): object {
  return { id: id ?? callId(request, position), function: { index: position, name, arguments: args } };
}

function wholeMessage({ say = [] }: ScriptedAnswer, request: AskedRequest): object {
  const calls = say.flatMap((one) => ("call" in one ? [one.call] : []));
  const thinking = say.map((one) => ("reasoning" in one ? one.reasoning : "")).join("");
  return {
    role: "assistant",
    content: say.map((one) => ("text" in one ? one.text : "refusal" in one ? one.refusal : "")).join(""),
    ...(thinking === "" ? {} : { thinking }),
    ...(calls.length === 0 ? {} : { tool_calls: calls.map((call, position) => callOf(call, request, position)) }),
  };
}

function lastOf(answer: ScriptedAnswer): object {
  const end = endOf(answer);
  const { inputTokens, outputTokens } = answer.usage ?? {};
  return {
    done: true,
    done_reason: end.startsWith("raw:") ? end.slice(4) : end === "length" ? "length" : "stop",
    ...(inputTokens === undefined ? {} : { prompt_eval_count: inputTokens }),
    ...(outputTokens === undefined ? {} : { eval_count: outputTokens }),
  };
}
