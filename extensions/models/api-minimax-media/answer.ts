import type { FetchResponse } from "@plinth/sdk";
import { type Exchange, type FailureKind, failure, kindOf } from "@plinth/sdk/kits/model-api";

/** What the server's own codes mean for whoever asked: https://platform.minimax.io/docs/api-reference/errorcode */
const KINDS: { readonly [code: number]: FailureKind } = {
  ...{ 1000: "SERVER", 1001: "SERVER", 1013: "SERVER", 1024: "SERVER", 1033: "SERVER" },
  ...{ 1002: "RATE", 1039: "RATE", 1041: "RATE", 2045: "RATE" },
  ...{ 1004: "AUTH", 2049: "AUTH" },
  // The last is for a model that the account's plan does not have.
  ...{ 1008: "BILLING", 2061: "BILLING", 1028: "QUOTA", 1030: "QUOTA", 2056: "QUOTA" },
  ...{ 1026: "FILTER", 1027: "FILTER" },
  ...{ 1042: "REQUEST", 2013: "REQUEST", 2042: "REQUEST", 20132: "REQUEST" },
};

/**
 * What it answered. It refuses with a code in an answer that is a good one by its status.
 *
 * @throws PLINTH_MODEL_STREAM where it is no JSON, and the coded error of a refusal
 */
export async function answerOf(exchange: Exchange, response: FetchResponse, title: string): Promise<any> {
  return checked(await exchange.read(response), title);
}

/** @throws the coded error of a refusal */
export function checked(answer: any, title: string): any {
  const { status_code: code, status_msg: said } = answer?.base_resp ?? {};
  if (code === undefined || code === null || Number(code) === 0) return answer;
  throw refusal(title, Number(code), said);
}

/** The coded error for one of the server's codes, with its words. */
export function refusal(title: string, code: number, said: unknown): Error {
  const words = typeof said === "string" ? said.replace(/[\p{Cc}\p{Cf}\s]+/gu, " ").trim() : "";
  const kind = KINDS[code] ?? kindOf({ status: 400, said: words, hint: "" });
  // What is said of a key may say the key.
  const told = words === "" || kind === "AUTH" ? "" : `: ${words.length > 500 ? `${words.slice(0, 500)}…` : words}`;
  return failure(kind, `${title} refused the request with its code ${code}${told}`, { details: Number.isInteger(code) ? { vendorCode: code } : {} });
}

/** Bytes of a server that writes them as pairs of digits. */
export function bytesOf(hex: unknown, title: string): Uint8Array<ArrayBuffer> {
  if (typeof hex !== "string" || hex.length % 2 !== 0 || /[^0-9a-f]/i.test(hex))
    throw failure("STREAM", `${title} sent sound that cannot be read.`, { details: { retryable: false } });
  return new Uint8Array(Buffer.from(hex, "hex"));
}

/** A picture in a request. */
export const dataUrl = (bytes: Uint8Array, mimeType: string): string =>
  `data:${mimeType.split(";")[0]!.trim().toLowerCase()};base64,${Buffer.from(bytes).toString("base64")}`;
