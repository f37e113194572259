import type { ErrorInfo } from "@plinth/sdk";

export interface RequestFrame {
  readonly type: "req";
  readonly id: string;
  readonly method: string;
  readonly params: unknown;
}
export interface CancelFrame {
  readonly type: "cancel";
  readonly id: string;
}

/** A client's frame, or in words what is wrong with it and, when it can be told, which request it was. */
export function parseFrame(text: string): RequestFrame | CancelFrame | { type: "bad"; id: string | null; why: string } {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { type: "bad", id: null, why: "it is not JSON" };
  }
  if (typeof value !== "object" || value === null) return { type: "bad", id: null, why: "it is not an object" };
  const { type, id, method, params } = value as Record<string, unknown>;
  if (typeof id !== "string" || id.length === 0 || id.length > 128) {
    return { type: "bad", id: null, why: "`id` is not a text of 1 to 128 characters" };
  }
  if (type === "cancel") return { type, id };
  if (type !== "req") return { type: "bad", id, why: "`type` is neither req nor cancel" };
  if (typeof method !== "string" || method.length === 0 || method.length > 128) {
    return { type: "bad", id, why: "`method` is not a text of 1 to 128 characters" };
  }
  return { type, id, method, params: params ?? {} };
}

export const resultFrame = (id: string, result: unknown): string =>
  `{"type":"res","id":${JSON.stringify(id)},"ok":true,"result":${JSON.stringify(result) ?? "null"}}`;

export const errorFrame = (id: string | null, error: ErrorInfo): string => JSON.stringify({ type: "res", id, ok: false, error });

export const eventFrame = (id: string, seq: number, data: unknown): string =>
  `{"type":"event","id":${JSON.stringify(id)},"seq":${seq},"data":${JSON.stringify(data) ?? "null"}}`;

/** Tells a client, outside any request, that the gateway stops. */
export const stoppingFrame = JSON.stringify({ type: "notice", code: "PLINTH_STOPPING", message: "The gateway is stopping." });
