import { PlinthError } from "../../extension/errors.ts";
import type { FetchResponse } from "../../extension/index.ts";
import { retryAfterMs } from "../http/retry-after.ts";
import { googleDetails } from "./google-rpc.ts";
import { limitResetMs } from "./rate-limits.ts";

const MAX_BODY = 64 * 1024;
const MAX_MESSAGE = 500;
const MAX_WAIT_MS = 3_600_000;

export type FailureKind =
  | "AUTH"
  | "BILLING"
  | "QUOTA"
  | "RATE"
  | "OVERLOADED"
  | "SERVER"
  | "NETWORK"
  | "CONTEXT"
  | "REQUEST"
  | "UNSUPPORTED"
  | "UNKNOWN"
  | "FILTER"
  | "STREAM";

const RETRYABLE: ReadonlySet<FailureKind> = new Set(["RATE", "OVERLOADED", "SERVER", "NETWORK", "STREAM"]);

const NEXT: Readonly<Record<FailureKind, string>> = {
  AUTH: "Check the key, and what it is allowed to do.",
  BILLING: "Look at the account's payments, or use another provider.",
  QUOTA: "Look at the limits of the account, or use another provider.",
  RATE: "Wait a moment, then try again; look at the limits of the account if it stays so.",
  OVERLOADED: "Try again in a moment, or use another provider.",
  SERVER: "Try again in a moment, or use another provider.",
  NETWORK: "Check the network, then try again.",
  CONTEXT: "Start a new conversation, ask for less at once, or use a model with a larger context.",
  REQUEST: "Change the request as the server says, or use another model.",
  UNSUPPORTED: "Leave it out, or use another model.",
  UNKNOWN: "Check the model's name; the provider's models can be listed.",
  FILTER: "Say it differently, or choose another model.",
  STREAM: "Try again; if it stays so, use another model.",
};

export interface FailureOptions {
  next?: string | undefined;
  cause?: unknown;
  /** More for machines beside what is retryable. */
  details?: Record<string, unknown>;
}

/** A failure of one of the contract's kinds, which says whether asking again may help. */
export function failure(kind: FailureKind, message: string, { next, cause, details }: FailureOptions = {}): PlinthError {
  return new PlinthError(`PLINTH_MODEL_${kind}`, message, {
    next: next ?? NEXT[kind],
    details: { retryable: RETRYABLE.has(kind), ...details },
    ...(cause === undefined ? {} : { cause }),
  });
}

/** What a server said when it refused. */
export interface Refusal {
  status: number;
  /** Its explanation as text, from the shapes that are in use. */
  said: string;
  /** Its own codes, in one line of lower case. */
  hint: string;
  /** The field that it complains about. */
  param: string | undefined;
  retryAfterMs: number | undefined;
  requestId: string | undefined;
}

export async function refusalOf(response: FetchResponse): Promise<Refusal> {
  const body = await boundedText(response);
  const { headers } = response;
  const said = explained(body);
  return {
    status: response.status,
    ...said,
    retryAfterMs: waitOf(headers, response.status) ?? said.retryAfterMs,
    requestId: (headers["x-request-id"] ?? headers["request-id"] ?? headers["x-amzn-requestid"])?.slice(0, 128),
  };
}

/** Which kind it is: by the server's own code where it has one, else by its status and its words. */
export function kindOf({ status, said, hint }: Pick<Refusal, "status" | "said" | "hint">): FailureKind {
  const words = `${hint} ${said.toLowerCase()}`;
  // Google says the same words of every limit; only its details tell which one it was.
  if (/per_minute_limit/.test(hint)) return "RATE";
  if (/per_day_limit/.test(hint)) return "QUOTA";
  if (words.includes("exceeds the maximum number of tokens")) return "CONTEXT";
  if (/context_length_exceeded|maximum context length|context (length|window|limit)|prompt is too long|too many (input )?tokens/.test(words))
    return "CONTEXT";
  if (/insufficient_quota|exceeded your current quota|quota_exceeded|usage limit|spend_limit/.test(words)) return "QUOTA";
  if (status === 402 || /billing|payment|credit balance|insufficient (balance|credits|funds)/.test(words)) return "BILLING";
  if (status === 401 || status === 403) return "AUTH";
  if (status === 429 || /rate.?limit|\b429\b|too.?many.?requests/.test(hint)) return "RATE";
  if (status === 529 || status === 503 || /overloaded|unavailable|capacity/.test(hint)) return "OVERLOADED";
  if (/content_filter|content_policy|content_policy_violation|safety|moderation/.test(hint)) return "FILTER";
  if (/model_not_found|model.?not.?found|unknown.?model/.test(hint) || (status === 404 && /model/.test(words))) return "UNKNOWN";
  if (/unsupported_(parameter|value)|unsupported parameter|does not support/.test(words)) return "UNSUPPORTED";
  if (/\b40[13]\b|authentication|api.?key|permission/.test(hint)) return "AUTH";
  if (status >= 500) return "SERVER";
  if (status >= 400) return "REQUEST";
  // An error object in the middle of a stream has no status of its own.
  if (status === 0) return /\b4\d\d\b|invalid|not.?found/.test(hint) ? "REQUEST" : "SERVER";
  return "STREAM";
}

/** The coded error for a status other than 2xx. The server's own words are quoted as data, bounded, keys struck out. */
export function refused(title: string, refusal: Refusal, next?: (kind: FailureKind) => string | undefined): PlinthError {
  const { status, said, param, retryAfterMs: waitMs, requestId } = refusal;
  const kind = kindOf(refusal);
  const words = strikeKeys(said, kind === "AUTH");
  const what = status === 0 ? "broke off with an error" : `answered ${status}`;
  const details: Record<string, unknown> = {
    ...(status === 0 ? {} : { status }),
    ...(param === undefined ? {} : { param }),
    ...(waitMs === undefined ? {} : { retryAfterMs: waitMs }),
    ...(requestId === undefined ? {} : { requestId }),
    ...(kind === "CONTEXT" ? tokensOf(said) : {}),
  };
  const wait = kind === "RATE" && waitMs !== undefined ? `Wait ${Math.ceil(waitMs / 1000)} s, then try again.` : undefined;
  return failure(kind, `${title} ${what}${words === "" ? "" : `: ${words}`}`, { next: next?.(kind) ?? wait, details });
}

/** The coded error for an error object in the middle of a stream. */
export function fault(title: string, error: unknown): PlinthError {
  const { said, ...rest } = explained(JSON.stringify({ error }));
  return refused(title, { status: 0, said: said || "it gave no reason.", ...rest, requestId: undefined });
}

function explained(body: string): Pick<Refusal, "said" | "hint" | "param" | "retryAfterMs"> {
  let value: any;
  try {
    value = JSON.parse(body);
  } catch {
    value = /^\s*</.test(body) ? "(a web page)" : body;
  }
  if (Array.isArray(value)) [value] = value;
  const error = typeof value?.error === "object" && value.error !== null ? value.error : value;
  const { code, type, status, param, details } = (typeof error === "object" && error !== null ? error : {}) as Record<string, any>;
  const google = googleDetails(details);
  const found = [value?.error?.message, value?.error, value?.message, value?.detail, value].find((one) => typeof one === "string");
  const line = String(found ?? "")
    .replace(/[\p{Cc}\p{Cf}\s]+/gu, " ")
    .trim();
  return {
    said: line.length > MAX_MESSAGE ? `${line.slice(0, MAX_MESSAGE)}…` : line,
    hint: [code, type, status, details?.error_code, google.hint]
      .filter((one) => typeof one === "string" || typeof one === "number")
      .join(" ")
      .slice(0, 200)
      .toLowerCase(),
    param: typeof param === "string" ? param.slice(0, 128) : google.param,
    retryAfterMs: google.retryAfterMs === undefined ? undefined : Math.min(google.retryAfterMs, MAX_WAIT_MS),
  };
}

/** `maximum context length is 8192 tokens … you requested 9000`. */
function tokensOf(said: string): { limitTokens?: number; askedTokens?: number } {
  const [limit, asked] = [...said.matchAll(/(\d[\d,]{2,})(?= tokens|\b)/g)].map(([, digits]) => Number(digits!.replaceAll(",", "")));
  if (limit === undefined) return {};
  if (asked === undefined) return { limitTokens: limit };
  return { limitTokens: Math.min(limit, asked), askedTokens: Math.max(limit, asked) };
}

/** A server may repeat the key that it refused: long tokens are struck out, in refusals of keys whatever they look like. */
function strikeKeys(text: string, aboutKeys: boolean): string {
  const known = text.replace(/\bBearer\s+\S+/gi, "Bearer [key]").replace(/\b(sk|pk|gsk|xai|key|rk|AIza)[-_A-Za-z0-9*]{10,}/g, "[key]");
  return aboutKeys ? known.replace(/[A-Za-z0-9_\-*+=]{12,}/g, (token) => (/[\d*]/.test(token) ? "[key]" : token)) : known;
}

function waitOf(headers: Readonly<Record<string, string>>, status: number): number | undefined {
  const exact = headers["retry-after-ms"];
  const now = Date.now();
  const said = exact !== undefined && /^\d+(\.\d+)?$/.test(exact) ? Math.round(Number(exact)) : retryAfterMs(headers["retry-after"], now);
  const ms = said ?? (status === 429 ? limitResetMs(headers, now) : undefined);
  return ms === undefined ? undefined : Math.min(ms, MAX_WAIT_MS);
}

async function boundedText(response: FetchResponse): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  try {
    for await (const chunk of response.body) {
      text += decoder.decode(chunk, { stream: true });
      if (text.length >= MAX_BODY) break;
    }
  } catch {
    // Half an explanation is better than none: the status alone decides what happens next.
  }
  return text.slice(0, MAX_BODY);
}
