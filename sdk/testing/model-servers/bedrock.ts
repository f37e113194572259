import { crc32 } from "node:zlib";
import { bedrockProblem } from "./bedrock-rules.ts";
import { signatureProblem } from "./bedrock-signature.ts";
import { type AskedRequest, argumentsText, callId, endOf, type Said, type ScriptedAnswer, type Wire } from "./script.ts";
import { type ModelServer, type ModelServerOptions, modelServer } from "./server.ts";

export interface BedrockOptions extends ModelServerOptions {
  /** Of the key that requests are signed with. Default: signatures are not checked. */
  secretAccessKey?: string;
  /** The inference profiles that it lists. */
  profiles?: string[];
}

/**
 * A server of Amazon Bedrock's Converse API, `POST /model/{id}/converse-stream` and `…/converse`, and of its lists, as their
 * reference publishes them (https://docs.aws.amazon.com/bedrock/latest/APIReference/). It refuses what the vendor's server
 * refuses. What is opaque in thinking is its signature, or, where it is an object, a whole block.
 */
export function bedrockServer({ secretAccessKey, profiles = [], ...options }: BedrockOptions = {}): Promise<ModelServer> {
  return modelServer(bedrockWire(secretAccessKey, profiles), options);
}

const STOPS: { readonly [reason: string]: string } = {
  stop: "end_turn",
  "tool-calls": "tool_use",
  length: "max_tokens",
  filter: "guardrail_intervened",
  refusal: "content_filtered",
};

function stopOf(answer: ScriptedAnswer): string {
  const end = endOf(answer);
  return end.startsWith("raw:") ? end.slice(4) : (STOPS[end] ?? end);
}

/** One event of a stream. @param kind exception: `type` is its name, such as throttlingException. */
export function bedrockEvent(type: string, payload: object, kind: "event" | "exception" = "event"): Uint8Array {
  return eventMessage({ [`:${kind}-type`]: type, ":content-type": "application/json", ":message-type": kind }, Buffer.from(JSON.stringify(payload)));
}

/** A message of the format: lengths, their checksum, headers of strings, the payload, and the checksum of all before (https://smithy.io/2.0/aws/amazon-eventstream.html). */
function eventMessage(headers: Readonly<Record<string, string>>, payload: Uint8Array): Uint8Array {
  const head = Buffer.concat(
    Object.entries(headers).map(([name, value]) => {
      const text = Buffer.from(value);
      const size = Buffer.alloc(2);
      size.writeUInt16BE(text.length);
      return Buffer.concat([Buffer.from([name.length]), Buffer.from(name), Buffer.from([7]), size, text]);
    }),
  );
  const message = Buffer.alloc(16 + head.length + payload.length);
  message.writeUInt32BE(message.length, 0);
  message.writeUInt32BE(head.length, 4);
  message.writeUInt32BE(crc32(message.subarray(0, 8)), 8);
  message.set(head, 12);
  message.set(payload, 12 + head.length);
  message.writeUInt32BE(crc32(message.subarray(0, -4)), message.length - 4);
  return message;
}

function bedrockWire(secretAccessKey: string | undefined, profiles: readonly string[]): Wire {
  return {
    paths: /\/model\/[^/]+\/converse(-stream)?$/,
    contentType: "application/vnd.amazon.eventstream",
    isStream: ({ path }) => path.endsWith("-stream"),
    refusal(request) {
      const unproven = signatureProblem(request, secretAccessKey);
      if (unproven !== undefined) return exception(403, unproven.type, unproven.message);
      const problem = bedrockProblem(request.body);
      return problem === undefined ? undefined : exception(400, "ValidationException", problem);
    },
    *stream(answer, request) {
      yield bedrockEvent("messageStart", { role: "assistant", p: "abcd" });
      let contentBlockIndex = -1;
      let open: string | undefined;
      for (const one of answer.say ?? []) {
        if ("raw" in one) {
          yield one.raw;
          continue;
        }
        const { kind, start, deltas } = piecesOf(one, request, contentBlockIndex + 1);
        if (kind !== "text" || open !== "text") {
          if (open !== undefined) yield bedrockEvent("contentBlockStop", { contentBlockIndex });
          contentBlockIndex++;
          open = kind;
          // Text and thinking begin with their first piece.
          if (start !== undefined) yield bedrockEvent("contentBlockStart", { start, contentBlockIndex });
        }
        for (const delta of deltas) yield bedrockEvent("contentBlockDelta", { delta, contentBlockIndex });
      }
      if (open !== undefined) yield bedrockEvent("contentBlockStop", { contentBlockIndex });
      if (endOf(answer) === "none") return;
      yield bedrockEvent("messageStop", { stopReason: stopOf(answer) });
      if (answer.usage !== undefined) yield bedrockEvent("metadata", { usage: usageOf(answer.usage), metrics: { latencyMs: 1 } });
    },
    whole: (answer, request) => ({
      output: { message: { role: "assistant", content: (answer.say ?? []).flatMap((one, at) => ("raw" in one ? [] : [blockOf(one, request, at)])) } },
      stopReason: stopOf(answer),
      usage: usageOf(answer.usage ?? {}),
      metrics: { latencyMs: 1 },
    }),
    other({ method, path }, models) {
      if (method !== "GET") return undefined;
      if (/\/foundation-models(\?|$)/.test(path)) {
        const row = { providerName: "Test", inputModalities: ["TEXT", "IMAGE"], outputModalities: ["TEXT"], responseStreamingSupported: true };
        return {
          modelSummaries: models.map((modelId) => ({ modelId, modelName: modelId.toUpperCase(), ...row, inferenceTypesSupported: ["ON_DEMAND"] })),
        };
      }
      if (!/\/inference-profiles(\?|$)/.test(path)) return undefined;
      const from = Number(new URLSearchParams(path.split("?")[1]).get("nextToken") ?? 0);
      const inferenceProfileSummaries = profiles
        .slice(from, from + 2)
        .map((id) => ({ inferenceProfileId: id, inferenceProfileName: id.toUpperCase(), status: "ACTIVE" }));
      return { inferenceProfileSummaries, ...(from + 2 < profiles.length ? { nextToken: String(from + 2) } : {}) };
    },
  };
}

const exception = (status: number, type: string, message: string): ScriptedAnswer["refuse"] => ({
  status,
  body: { message },
  headers: { "x-amzn-errortype": `${type}:http://internal.amazon.com/coral/`, "x-amzn-requestid": "r-1" },
});

type Plain = Exclude<Said, { raw: unknown }>;

function piecesOf(one: Plain, request: AskedRequest, at: number): { kind: string; start?: object; deltas: object[] } {
  if ("text" in one) return { kind: "text", deltas: [{ text: one.text }] };
  if ("refusal" in one) return { kind: "text", deltas: [{ text: one.refusal }] };
  const halves = (text: string) =>
    [text.slice(0, Math.ceil(text.length / 2)), text.slice(Math.ceil(text.length / 2))].filter((piece) => piece !== "");
  if ("call" in one) {
    const { id = callId(request, at, "tooluse_"), name, args } = one.call;
    return {
      kind: "call",
      start: { toolUse: { toolUseId: id, name } },
      deltas: halves(argumentsText(args)).map((input) => ({ toolUse: { input } })),
    };
  }
  const block = blockOf(one, request, at) as Record<string, any>;
  if (block.toolUse) {
    const { input, ...toolUse } = block.toolUse;
    return { kind: "server", start: { toolUse }, deltas: halves(JSON.stringify(input)).map((piece) => ({ toolUse: { input: piece } })) };
  }
  if (block.toolResult) {
    const { content, ...toolResult } = block.toolResult;
    return { kind: "server", start: { toolResult }, deltas: [{ toolResult: content }] };
  }
  const { reasoningText, redactedContent } = block.reasoningContent;
  if (redactedContent !== undefined) return { kind: "thought", deltas: [{ reasoningContent: { redactedContent } }] };
  const { text, signature } = reasoningText;
  return {
    kind: "thought",
    deltas: [...(text === "" ? [] : [{ reasoningContent: { text } }]), ...(signature === undefined ? [] : [{ reasoningContent: { signature } }])],
  };
}

function blockOf(one: Plain, request: AskedRequest, at: number): object {
  if ("text" in one) return { text: one.text };
  if ("refusal" in one) return { text: one.refusal };
  if ("call" in one) {
    const { id = callId(request, at, "tooluse_"), name, args } = one.call;
    return { toolUse: { toolUseId: id, name, input: typeof args === "string" ? {} : args } };
  }
  const { reasoning: text, opaque } = one;
  if (typeof opaque === "object" && opaque !== null) return opaque;
  return { reasoningContent: { reasoningText: { text, ...(opaque === undefined ? {} : { signature: String(opaque) }) } } };
}

function usageOf({ inputTokens = 0, outputTokens = 0, cacheReadTokens, cacheWriteTokens }: Record<string, number>): object {
  const plain = inputTokens - (cacheReadTokens ?? 0) - (cacheWriteTokens ?? 0);
  return {
    inputTokens: plain,
    outputTokens,
    totalTokens: inputTokens + outputTokens,
    ...(cacheReadTokens === undefined ? {} : { cacheReadInputTokens: cacheReadTokens }),
    ...(cacheWriteTokens === undefined ? {} : { cacheWriteInputTokens: cacheWriteTokens }),
  };
}
