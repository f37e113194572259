import { PlinthError } from "@plinth/manifests/wire/error.ts";
import { collect } from "./strangers/shared-bytes.ts";
import { reason } from "./system-error.ts";

/** The part of an extension's `ctx.fetch` that writing to a registry needs. */
export type RegistrySend = (
  url: string,
  options: {
    method: string;
    headers: Record<string, string>;
    body?: Uint8Array;
    signal?: AbortSignal;
    timeoutMs?: number;
    maxBytes?: number;
  },
) => Promise<{ readonly status: number; readonly headers: Readonly<Record<string, string>>; readonly body: AsyncIterable<Uint8Array> }>;

export interface RegistryCall {
  method: "GET" | "POST" | "PUT" | "DELETE";
  /** Below the registry's root. */
  path: string;
  headers?: Record<string, string>;
  body?: Uint8Array;
}

const MAX_ANSWER = 4 * 1024 * 1024;
const WAIT_MS = 120_000;

/** Ask a registry's service. @throws its problem under its code, PLINTH_REGISTRY_UNREACHABLE, PLINTH_REGISTRY_URL. */
export async function callRegistry<T>(url: string, call: RegistryCall, send: RegistrySend = defaultSend, signal?: AbortSignal): Promise<T> {
  if (!/^https?:\/\//i.test(url)) {
    throw new PlinthError("PLINTH_REGISTRY_URL", `${JSON.stringify(url.slice(0, 200))} is not the address of a registry's service.`, {
      next: "Give an http(s) URL; a folder is published into without a token.",
    });
  }
  const target = new URL(call.path, url.endsWith("/") ? url : `${url}/`);
  const within = AbortSignal.any([AbortSignal.timeout(WAIT_MS), ...(signal === undefined ? [] : [signal])]);
  let status: number;
  let bytes: Buffer;
  try {
    const answer = await send(target.href, {
      method: call.method,
      headers: { accept: "application/json, application/problem+json", ...call.headers },
      ...(call.body === undefined ? {} : { body: call.body }),
      signal: within,
      timeoutMs: WAIT_MS,
      maxBytes: MAX_ANSWER,
    });
    status = answer.status;
    bytes = await collect(answer.body, MAX_ANSWER, () => new PlinthError("PLINTH_REGISTRY_SIZE", "The registry's answer is too large.", {}));
  } catch (error) {
    signal?.throwIfAborted();
    throw unreachable(target, reason(error), error);
  }
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString("utf8"));
  } catch {
    throw unreachable(target, `it answered ${status} and no JSON`);
  }
  if (status >= 200 && status < 300) return value as T;
  throw problemFrom(value, status, target);
}

/** The registry's words are data from outside: bounded, and believed only under a code of Plinth's. */
function problemFrom(value: unknown, status: number, target: URL): PlinthError {
  const { code, detail, next } = (typeof value === "object" && value !== null ? value : {}) as Record<string, unknown>;
  if (typeof code !== "string" || !/^PLINTH_[A-Z0-9_]{1,64}$/.test(code)) return unreachable(target, `it answered ${status}`);
  const text = (given: unknown) => (typeof given === "string" ? given.replaceAll(/\p{Cc}/gu, " ").slice(0, 1_000) : undefined);
  return new PlinthError(code, text(detail) ?? `The registry answered ${status}.`, { next: text(next), details: { status } });
}

function unreachable(target: URL, why: string, cause?: unknown): PlinthError {
  return new PlinthError("PLINTH_REGISTRY_UNREACHABLE", `The registry at ${target.origin} cannot be used: ${why}.`, {
    next: "Check its address and your connection, then try again.",
    cause,
  });
}

/** For callers outside an extension, such as tests and builds. A redirect would carry the token elsewhere: none is followed. */
const defaultSend: RegistrySend = async (url, { method, headers, body, signal }) => {
  const response = await globalThis.fetch(url, {
    method,
    headers,
    redirect: "manual",
    ...(body === undefined ? {} : { body: body as Uint8Array<ArrayBuffer> }),
    ...(signal === undefined ? {} : { signal }),
  });
  return { status: response.status, headers: Object.fromEntries(response.headers), body: (response.body ?? []) as AsyncIterable<Uint8Array> };
};
