import {
  type Call,
  type Context,
  errorInfo,
  type FetchResponse,
  type ModelEvent,
  type ModelRequest,
  type PlinthError,
  type Provider,
} from "@plinth/sdk";
import { EventStreamParser, failure, keptEvent, letGo, Unsupported, withBytes } from "@plinth/sdk/kits/model-api";
import { CompletionReader } from "./completion-reader.ts";
import { type CompletionRequest, completionRequest } from "./completion-request.ts";
import type { Endpoint } from "./endpoint.ts";
import { authorization, ModelList } from "./model-list.ts";
import { httpError, missingKey, unreachable } from "./server-error.ts";

const HEAD_MS = 120_000;
const LIST_MS = 10_000;
const WHOLE_ANSWER_LIMIT = 8 * 1024 * 1024;

/** One vendor's server as a model provider. */
export function createProvider(ctx: Context, endpoint: Endpoint): Provider<"plinth.model-provider"> {
  const { vendor } = endpoint;
  const list = new ModelList(ctx, endpoint);
  const hasKey = async () => endpoint.secret !== undefined && (await ctx.secrets.has(endpoint.secret));
  const artifacts = () => ctx.use("plinth.artifacts").one();
  /** Servers of old refuse `stream_options`; one that did is not asked again. */
  let asksForUsage = true;

  const requireEndpoint = async (): Promise<void> => {
    if (endpoint.baseUrl === undefined) throw notConfigured();
    if (!endpoint.keyOptional && !(await hasKey())) throw missingKey(endpoint);
  };

  const post = async (input: ModelRequest, call: Call, signal: AbortSignal): Promise<{ request: CompletionRequest; response: FetchResponse }> => {
    const headers = { "content-type": "application/json", accept: "text/event-stream", ...(await authorization(ctx, endpoint)) };
    for (;;) {
      const request = completionRequest(endpoint, input, asksForUsage);
      const response = await ctx
        .fetch(`${endpoint.baseUrl}/chat/completions`, {
          method: "POST",
          headers,
          body: request.body,
          signal,
          timeoutMs: HEAD_MS,
        })
        .catch((error) => {
          throw call.signal.aborted || errorInfo(error).code === "PLINTH_ABORTED" ? error : unreachable(endpoint, error);
        });
      if (response.ok) return { request, response };
      const error = await httpError(endpoint, response);
      if (!asksForUsage || !/_(REQUEST|UNSUPPORTED)$/.test(error.code) || !/stream_options|include_usage/.test(error.message)) throw error;
      asksForUsage = false;
    }
  };

  return {
    async status() {
      if (endpoint.baseUrl === undefined) return { ready: false, reason: notConfigured().message };
      const keyed = await hasKey();
      if (!keyed && !endpoint.keyOptional) return { ready: false, reason: `${endpoint.secret} is not set.` };
      // The vendor's own models are known; any other server is asked for what it has.
      if (keyed && endpoint.own) return { ready: true, ...model(endpoint.chosenModel ?? vendor.defaultModel) };
      if (keyed && endpoint.chosenModel) return { ready: true, ...model(endpoint.chosenModel) };
      const models = await list.probe();
      if (models === undefined && !keyed) return { ready: false, reason: `No server answers at ${endpoint.baseUrl}.` };
      const first = endpoint.chosenModel ?? models?.[0]?.id ?? vendor.defaultModel;
      if (first === undefined && !keyed) return { ready: false, reason: `${vendor.title} answers, but has no model yet.` };
      return { ready: true, ...model(first) };
    },

    async models(_, call) {
      await requireEndpoint();
      if (endpoint.models) return { models: endpoint.models.map((id) => ({ id })) };
      return { models: await list.fetch(call.signal, LIST_MS) };
    },

    async *stream(input, call) {
      await requireEndpoint();
      const ending = new AbortController();
      const unsupported = new Unsupported(vendor.title, input);
      const messages = await withBytes(input.messages, artifacts, unsupported, call.signal);
      const { request, response } = await post({ ...input, messages }, call, AbortSignal.any([call.signal, ending.signal]));
      yield* [...unsupported.warnings, ...request.warnings];
      const reader = new CompletionReader(vendor.title, request.toolNames);
      const kept = (event: ModelEvent) => keptEvent(event, artifacts, call.signal);
      try {
        if (isWholeAnswer(response)) {
          const out: ModelEvent[] = [];
          reader.take(await wholeText(response), out);
          for (const event of out) yield await keptEvent(event, artifacts, call.signal);
        } else {
          yield* readEvents(response, reader, kept, () => ending.abort());
        }
      } catch (error) {
        throw call.signal.aborted ? error : cut(vendor.title, error);
      }
      yield* reader.finish();
    },
  };
}

/** @param end ends the request. */
type Kept = (event: ModelEvent) => Promise<ModelEvent>;

async function* readEvents(response: FetchResponse, reader: CompletionReader, kept: Kept, end: () => void): AsyncGenerator<ModelEvent> {
  const parser = new EventStreamParser();
  const out: ModelEvent[] = [];
  const body = response.body[Symbol.asyncIterator]();
  let whole = false;
  try {
    for (let step = await body.next(); !step.done; step = await body.next()) {
      for (const data of parser.push(step.value)) {
        if (!reader.done) reader.take(data, out);
      }
      if (out.length > 0) {
        for (const event of out) yield event.type === "part" ? await kept(event) : event;
        out.length = 0;
      }
      whole = reader.done;
      if (whole) return;
    }
  } finally {
    // A server that keeps the connection after [DONE] is not waited for.
    if (whole) letGo(body, end);
    else await body.return?.();
  }
}

/** A server may ignore `stream: true` and answer with one JSON object. */
function isWholeAnswer({ headers }: FetchResponse): boolean {
  const type = (headers["content-type"] ?? "").toLowerCase();
  if (type === "" || type.startsWith("text/event-stream") || type.startsWith("text/plain")) return false;
  if (/^application\/([\w.]+\+)?json/.test(type)) return true;
  throw failure("STREAM", `The answer is ${type.slice(0, 80)} and not a completion.`, {
    next: "Check the server's address: it usually ends with /v1.",
    details: { retryable: false },
  });
}

async function wholeText(response: FetchResponse): Promise<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let text = "";
  for await (const chunk of response.body) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length > WHOLE_ANSWER_LIMIT) throw failure("STREAM", "The answer is larger than 8 MiB.", { details: { retryable: false } });
  }
  return text + decoder.decode();
}

/** Whatever breaks while an answer is read means that the answer was cut. */
function cut(title: string, error: unknown): unknown {
  const info = errorInfo(error);
  if (info.code.startsWith("PLINTH_MODEL_")) return error;
  return failure("STREAM", `The answer of ${title} was cut: ${info.message}`, { next: "Try again.", cause: error });
}

function notConfigured(): PlinthError {
  return failure("REQUEST", "The custom server has no address.", {
    next: `Set it: plinth config set 'extensions["plinth.openai-compatible"].config.vendors.custom.baseUrl' URL`,
  });
}

const model = (id: string | undefined) => (id === undefined ? {} : { defaultModel: id });
