import { type FetchResponse, PlinthError } from "@plinth/sdk";
import { retryAfterMs } from "@plinth/sdk/kits/http";
import type { Endpoint } from "./endpoint.ts";

const MAX_BODY = 64 * 1024;
const MAX_MESSAGE = 500;
const LONGEST_WAIT_MS = 3_600_000;

/** The coded error for a status other than 2xx. The server's own words are quoted as data, bounded, keys struck out. */
export async function httpError(endpoint: Endpoint, response: FetchResponse): Promise<PlinthError> {
  const { title } = endpoint.vendor;
  const { status } = response;
  const said = serverMessage(await boundedText(response));
  const wanted = retryAfterMs(response.headers["retry-after"], Date.now());
  const waitMs = wanted === undefined ? undefined : Math.min(wanted, LONGEST_WAIT_MS);
  const { code, next } = advice(endpoint, status, waitMs);
  const words = strikeKeys(said, code === "PLINTH_MODEL_AUTH");
  return new PlinthError(code, `${title} answered ${status}${words === "" ? "" : `: ${words}`}`, {
    next,
    details: {
      status,
      retryable: code === "PLINTH_MODEL_RATE" || code === "PLINTH_MODEL_SERVER",
      ...(waitMs === undefined ? {} : { retryAfterMs: waitMs }),
    },
  });
}

/** The coded error for an error object in the middle of a stream. */
export function serverFault(title: string, error: unknown): PlinthError {
  const { code, type, status } = (typeof error === "object" && error !== null ? error : {}) as Record<string, unknown>;
  const hint = [code, type, status].join(" ").toLowerCase();
  const kind = /\b429\b|rate.?limit|quota/.test(hint)
    ? "PLINTH_MODEL_RATE"
    : /\b40[13]\b|auth|api.?key|permission/.test(hint)
      ? "PLINTH_MODEL_AUTH"
      : /\b4\d\d\b|invalid|not.?found/.test(hint)
        ? "PLINTH_MODEL_REQUEST"
        : "PLINTH_MODEL_SERVER";
  const words = strikeKeys(serverMessage(JSON.stringify({ error })), kind === "PLINTH_MODEL_AUTH");
  return new PlinthError(kind, `${title} broke off with an error: ${words || "it gave no reason."}`, {
    next: "Try again, or use another model.",
    details: { retryable: kind === "PLINTH_MODEL_RATE" || kind === "PLINTH_MODEL_SERVER" },
  });
}

export function missingKey(endpoint: Endpoint): PlinthError {
  return new PlinthError("PLINTH_MODEL_AUTH", `${endpoint.vendor.title} needs a key, and ${endpoint.secret} is not set.`, {
    next: `Set the environment variable ${endpoint.secret} and start again.`,
  });
}

export function unreachable(endpoint: Endpoint, cause: unknown): PlinthError {
  const why = cause instanceof Error ? cause.message.slice(0, MAX_MESSAGE) : "no answer";
  return new PlinthError("PLINTH_MODEL_SERVER", `${endpoint.vendor.title} cannot be reached: ${why}`, {
    next: endpoint.loopback ? `Start the server at ${endpoint.baseUrl}, or use another provider.` : "Check the network, then try again.",
    details: { retryable: true },
    cause,
  });
}

function advice(endpoint: Endpoint, status: number, waitMs: number | undefined): { code: string; next: string } {
  const { vendor, secret } = endpoint;
  if (status === 401 || status === 403) {
    return {
      code: "PLINTH_MODEL_AUTH",
      next: secret
        ? `Check the key in the environment variable ${secret}, and what it is allowed to do.`
        : "The server wants a key: name its secret in the configuration.",
    };
  }
  if (status === 429) {
    const wait = waitMs === undefined ? "Wait a moment" : `Wait ${Math.ceil(waitMs / 1000)} s`;
    return {
      code: "PLINTH_MODEL_RATE",
      next: `${wait}, then try again; look at the limits of your ${vendor.title} account if it stays so.`,
    };
  }
  if (status >= 500) return { code: "PLINTH_MODEL_SERVER", next: "Try again in a moment, or use another provider." };
  if (status >= 400) {
    return {
      code: "PLINTH_MODEL_REQUEST",
      next:
        status === 404
          ? `Check the model's name${endpoint.own ? "" : ` and the address ${endpoint.baseUrl}`}; the provider's models can be listed.`
          : "Change the request as the server says, or use another model.",
    };
  }
  return { code: "PLINTH_MODEL_STREAM", next: `Check the address ${endpoint.baseUrl}: it does not answer as a model server does.` };
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

/** The server's explanation, from the shapes that are in use, on one line. */
function serverMessage(body: string): string {
  let value: any;
  try {
    value = JSON.parse(body);
  } catch {
    value = /^\s*</.test(body) ? "(a web page)" : body;
  }
  if (Array.isArray(value)) [value] = value;
  const found = [value?.error?.message, value?.error, value?.message, value?.detail, value].find((one) => typeof one === "string");
  const line = String(found ?? "")
    .replace(/[\p{Cc}\p{Cf}\s]+/gu, " ")
    .trim();
  return line.length > MAX_MESSAGE ? `${line.slice(0, MAX_MESSAGE)}…` : line;
}

/** A server may repeat the key that it refused: long tokens are struck out, in refusals of keys whatever they look like. */
function strikeKeys(text: string, aboutKeys: boolean): string {
  const known = text.replace(/\bBearer\s+\S+/gi, "Bearer [key]").replace(/\b(sk|pk|gsk|xai|key|rk|AIza)[-_A-Za-z0-9*]{10,}/g, "[key]");
  return aboutKeys ? known.replace(/[A-Za-z0-9_\-*+=]{12,}/g, (token) => (/[\d*]/.test(token) ? "[key]" : token)) : known;
}
