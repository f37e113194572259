import type { MeteredUsage } from "@plinth/sdk";
import { failure, type PurposeServer } from "@plinth/sdk/kits/model-api";

/** One part of a model's answer: https://ai.google.dev/api/caching#Part */
export interface AnswerPart {
  text?: string;
  thought?: boolean;
  inlineData?: { mimeType?: string; data?: string };
  audioTranscription?: unknown;
}

/** What came of a request to `generateContent`. */
export interface Made {
  readonly parts: readonly AnswerPart[];
  /** Rules kept it back: by which of them. */
  readonly withheld: string | undefined;
  readonly usage: MeteredUsage;
}

/** Ends by which rules keep something back: https://ai.google.dev/api/generate-content#FinishReason */
const RULES = /SAFETY|PROHIBITED|RECITATION|BLOCKLIST|SPII|LANGUAGE/;
const MOST_PARTS = 1_000;

/** The address of a model's method, such as `generateContent`. A tuned model is named with its folder. */
export function methodUrl(server: PurposeServer<{ id: string }>, method: string): string {
  const { model } = server;
  const path = (model.includes("/") ? model : `models/${model}`).split("/").map(encodeURIComponent).join("/");
  return server.url(`/${path}:${method}`);
}

/** @throws PLINTH_MODEL_FILTER where the request itself is refused */
export function madeIn(answer: any, title: string): Made {
  const blocked = answer?.promptFeedback?.blockReason;
  if (typeof blocked === "string")
    throw failure("FILTER", `${title} refused the request: ${blocked.slice(0, 100)}.`, { details: { blockReason: blocked.slice(0, 100) } });
  const [first] = Array.isArray(answer?.candidates) ? answer.candidates : [];
  const parts = Array.isArray(first?.content?.parts) ? (first.content.parts as (AnswerPart | null)[]) : [];
  const reason = typeof first?.finishReason === "string" ? first.finishReason : "";
  return {
    // What it drew or wrote on the way is no part of what was asked for.
    parts: parts.slice(0, MOST_PARTS).filter((part): part is AnswerPart => typeof part === "object" && part !== null && part.thought !== true),
    withheld: RULES.test(reason) ? reason : undefined,
    usage: usageOf(answer?.usageMetadata),
  };
}

export function usageOf(said: any): MeteredUsage {
  const [input, output] = [said?.promptTokenCount, said?.candidatesTokenCount];
  return {
    ...(isCount(input) ? { inputTokens: input } : {}),
    ...(isCount(output) ? { outputTokens: output + (isCount(said.thoughtsTokenCount) ? said.thoughtsTokenCount : 0) } : {}),
  };
}

export const isCount = (value: unknown): value is number => Number.isInteger(value) && (value as number) >= 0;

/** The bytes of a part; undefined: it has none. */
export function bytesOf({ inlineData }: AnswerPart): Uint8Array<ArrayBuffer> | undefined {
  const data = inlineData?.data;
  return typeof data === "string" && data !== "" && BASE64.test(data) ? new Uint8Array(Buffer.from(data, "base64")) : undefined;
}

const BASE64 = /^[A-Za-z0-9+/_-]+={0,2}$/;

/** The words of an answer, joined. */
export const textOf = ({ parts }: Pick<Made, "parts">): string =>
  parts
    .flatMap(({ text }) => (typeof text === "string" ? [text] : []))
    .join("")
    .trim();

/** For a server that answered with words instead of what was asked for. */
export function nothing(title: string, what: string, made: Made): Error {
  const said = textOf(made).replace(/\s+/g, " ").slice(0, 300);
  return failure("STREAM", `${title} answered without ${what}${said === "" ? "" : `: ${said}`}.`, { details: { retryable: false } });
}

/** Bytes as a request has them. */
export const inlineOf = (bytes: Uint8Array, mimeType: string) => ({
  inlineData: { mimeType: mimeType.split(";")[0]!.trim().toLowerCase(), data: Buffer.from(bytes).toString("base64") },
});

/** What whoever asks says to this vendor alone, among the settings of the answer. */
export const vendorWishes = ({ vendor = {} }: { vendor?: Record<string, unknown> }, { endpoint }: PurposeServer<{ id: string }>): object =>
  (Object.hasOwn(vendor, endpoint.vendor) ? vendor[endpoint.vendor] : {}) as object;
