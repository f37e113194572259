import { type AskedRequest, endOf, type Said, type ScriptedAnswer, type Wire } from "./script.ts";
import { type ModelServer, type ModelServerOptions, modelServer } from "./server.ts";

export interface GeminiServerOptions extends ModelServerOptions {
  /** How many models one page of the list has. Default: as many as are asked for. */
  page?: number;
}

/**
 * A server of Google's Gemini API, `…:streamGenerateContent`, `…:generateContent`, `…:countTokens` and `GET …/models`, as its
 * reference publishes them (https://ai.google.dev/api/generate-content). A scripted `opaque` is a thought's signature, which
 * comes in an empty part after it. Calls have an id only where the script gives them one; arguments are an object in this
 * format, and a scripted text stands in its place as it is.
 */
export function geminiServer({ page, ...options }: GeminiServerOptions = {}): Promise<ModelServer> {
  return modelServer(geminiWire(page), options);
}

type Part = Record<string, unknown>;

const FINISH: { readonly [reason: string]: string } = {
  stop: "STOP",
  "tool-calls": "STOP",
  length: "MAX_TOKENS",
  filter: "SAFETY",
  refusal: "STOP",
  pause: "CONTINUATION",
};

export const geminiWire = (page?: number): Wire => ({
  paths: /:(stream)?[gG]enerateContent$/,
  contentType: "text/event-stream",
  isStream: ({ path }) => path.includes(":streamGenerateContent"),
  *stream(answer, request) {
    // Without `alt=sse` a stream is one list.
    const sse = /[?&]alt=sse(&|$)/.test(request.path);
    let first = true;
    const event = (chunk: object) => {
      const text = JSON.stringify({ ...chunk, modelVersion: modelOf(request), responseId: `response-${request.number}` });
      const started = first;
      first = false;
      return sse ? `data: ${text}\r\n\r\n` : `${started ? "[" : ","}${text}\n`;
    };
    for (const one of answer.say ?? []) {
      if ("raw" in one) yield one.raw;
      else for (const part of partsOf(one)) yield event({ candidates: [candidate([part])] });
    }
    if (endOf(answer) !== "none") yield event({ candidates: [{ ...candidate([]), finishReason: finishOf(answer) }], ...usageOf(answer) });
    if (!sse) yield "]";
  },
  whole: (answer, request) => ({
    candidates: [{ ...candidate((answer.say ?? []).flatMap((one) => ("raw" in one ? [] : partsOf(one)))), finishReason: finishOf(answer) }],
    ...usageOf(answer),
    modelVersion: modelOf(request),
    responseId: `response-${request.number}`,
  }),
  other: ({ method, path, body }, models) => {
    const url = new URL(path, "http://localhost");
    if (method === "POST" && url.pathname.endsWith(":countTokens")) {
      const { contents, tools, systemInstruction } = body.generateContentRequest ?? body;
      return { totalTokens: Math.ceil(JSON.stringify([contents, tools, systemInstruction]).length / 4) };
    }
    if (method !== "GET" || !url.pathname.endsWith("/models")) return undefined;
    const from = Number(url.searchParams.get("pageToken") ?? 0);
    const to = from + (page ?? Number(url.searchParams.get("pageSize") ?? 50));
    const rows = models.slice(from, to).map((id) => ({
      name: `models/${id}`,
      displayName: id,
      inputTokenLimit: 1_048_576,
      outputTokenLimit: 65_536,
      supportedGenerationMethods: ["generateContent", "countTokens"],
    }));
    return { models: rows, ...(to < models.length ? { nextPageToken: String(to) } : {}) };
  },
});

const modelOf = ({ path }: AskedRequest): string => decodeURIComponent(/models\/([^:/?]+)/.exec(path)?.[1] ?? "");

const candidate = (parts: Part[]): object => ({ content: { parts, role: "model" }, index: 0 });

function partsOf(one: Exclude<Said, { raw: unknown }>): Part[] {
  if ("text" in one) return [{ text: one.text }];
  if ("refusal" in one) return [{ text: one.refusal }];
  if ("reasoning" in one) {
    const thought = one.reasoning === "" ? [] : [{ text: one.reasoning, thought: true }];
    return one.opaque === undefined ? thought : [...thought, { text: "", thoughtSignature: one.opaque }];
  }
  const { id, name, args } = one.call;
  return [{ functionCall: { ...(id === undefined ? {} : { id }), name, args } }];
}

function finishOf(answer: ScriptedAnswer): string {
  const end = endOf(answer);
  return end.startsWith("raw:") ? end.slice(4) : (FINISH[end] ?? end);
}

function usageOf({ usage }: ScriptedAnswer): object {
  if (usage === undefined) return {};
  const { inputTokens = 0, outputTokens = 0, cacheReadTokens, reasoningTokens } = usage;
  return {
    usageMetadata: {
      promptTokenCount: inputTokens,
      candidatesTokenCount: outputTokens - (reasoningTokens ?? 0),
      totalTokenCount: inputTokens + outputTokens,
      ...(cacheReadTokens === undefined ? {} : { cachedContentTokenCount: cacheReadTokens }),
      ...(reasoningTokens === undefined ? {} : { thoughtsTokenCount: reasoningTokens }),
    },
  };
}
