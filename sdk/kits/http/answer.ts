import { PlinthError } from "../../extension/errors.ts";
import type { HttpItem, HttpRequest } from "../../extension/index.ts";

type Headers = Record<string, string | string[]>;

/** A whole answer in JSON. */
export function* json(status: number, value: unknown, headers: Headers = {}): Generator<HttpItem> {
  yield { type: "head", status, headers: { "content-type": "application/json", ...headers } };
  yield { type: "text", text: JSON.stringify(value) };
}

/** A whole answer in words. */
export function* text(status: number, words: string, headers: Headers = {}): Generator<HttpItem> {
  yield { type: "head", status, headers: { "content-type": "text/plain; charset=utf-8", ...headers } };
  yield { type: "text", text: words };
}

/** Nothing but a status, such as 204. */
export function* empty(status: number, headers: Headers = {}): Generator<HttpItem> {
  yield { type: "head", status, headers };
}

export const bytesItem = (bytes: Uint8Array): { type: "bytes"; base64: string } => ({ type: "bytes", base64: (bytes as Encodable).toBase64() });

/** The bytes of a body, a message or an item; [] where there are none. */
export function bytesOf(item: { type: string; text?: string; base64?: string }): Uint8Array<ArrayBuffer> {
  if (item.type === "bytes") return Decoder.fromBase64(item.base64 ?? "");
  return new TextEncoder().encode(item.type === "text" ? item.text : "");
}

/** The text of a body; "" without one. */
export function textOf({ body }: Pick<HttpRequest, "body">): string {
  return body.type === "text" ? body.text : new TextDecoder().decode(bytesOf(body));
}

/** A body's JSON, or PLINTH_BAD_REQUEST, which is answered with 400. */
export function jsonOf(request: Pick<HttpRequest, "body">): unknown {
  try {
    return JSON.parse(textOf(request));
  } catch {
    throw new PlinthError("PLINTH_BAD_REQUEST", "The body is not JSON.", { next: "Send JSON." });
  }
}

type Encodable = Uint8Array & { toBase64(): string };
const Decoder = Uint8Array as unknown as { fromBase64(text: string): Uint8Array<ArrayBuffer> };
