import type { Manifest, Pin } from "@plinth/manifests";
import { hostMatches, isLoopbackHost, targetOf } from "@plinth/manifests/net-pattern.ts";
import type { Secrets } from "@plinth/manifests/secrets.ts";
import { isPlinthError, PlinthError } from "../extension/errors.ts";
import type { FetchOptions, FetchResponse } from "../extension/index.ts";

export interface FetchRules {
  readonly manifest: Manifest;
  readonly secrets: Secrets;
  readonly pins: readonly Pin[];
  /** Let requests leave this machine. */
  readonly allowNet: boolean;
  readonly stopped: AbortSignal;
}

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
const MOST_HOPS = 5;
/** What goes to another server: nothing that may be a secret. */
const plain = (headers: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => /^(accept|accept-language|content-type|user-agent)$/i.test(name)));

/** The real fetch, limited to the manifest's hosts and (unless `allowNet`) to this machine. Redirects are followed as the product follows them, with each address checked. */
export function createFetch(rules: FetchRules): (url: string, options?: FetchOptions) => Promise<FetchResponse> {
  return async (url, options = {}) => {
    const target = new URL(url);
    permit(target, rules);
    const controller = new AbortController();
    const { timeoutMs = 30_000, maxBytes = 64 * 1024 * 1024 } = options;
    const timer = setTimeout(() => {
      controller.abort(problem(rules, "PLINTH_DEADLINE", `${target.host} did not answer within ${timeoutMs} ms.`, "Try again."));
    }, timeoutMs);
    const signal = AbortSignal.any([controller.signal, rules.stopped, ...(options.signal ? [options.signal] : [])]);
    try {
      let outgoing = { url: target, method: options.method ?? "GET", headers: options.headers ?? {}, body: options.body };
      for (let hop = 0; ; hop++) {
        const { url: to, method, headers, body } = outgoing;
        const response = await fetch(to, {
          ...{ method, redirect: "manual", signal },
          headers: await withSecrets(headers, rules, to.origin),
          ...(body === undefined ? {} : { body: body as string }),
        });
        const next = REDIRECTS.has(response.status) ? URL.parse(response.headers.get("location") ?? "", to) : null;
        if (next === null || options.redirect === "manual" || hop === MOST_HOPS) return asFetchResponse(response, maxBytes, rules);
        await response.body?.cancel();
        permit(next, rules);
        const asked = response.status === 303 || (response.status < 303 && method === "POST") ? { method: "GET", body: undefined } : { method, body };
        outgoing = { url: next, headers: next.origin === to.origin ? headers : plain(headers), ...asked };
      }
    } catch (cause) {
      if (isPlinthError(cause)) throw cause;
      if (signal.aborted) throw codedAbort(signal.reason, target);
      const reason = (cause as { cause?: { code?: string } }).cause?.code ?? (cause as Error).message;
      throw new PlinthError("PLINTH_NET", `${target.host} cannot be reached (${reason}).`, {
        extension: rules.manifest.id,
        next: "Check the address and whether the server runs.",
        cause,
      });
    } finally {
      clearTimeout(timer);
    }
  };
}

function codedAbort(reason: unknown, target: URL): unknown {
  if (typeof (reason as { code?: unknown } | undefined)?.code === "string") return reason;
  return new PlinthError("PLINTH_ABORTED", `The request to ${target.host} was cancelled.`, { cause: reason });
}

export function permit(target: URL, rules: FetchRules): void {
  const loopback = isLoopbackHost(target.hostname);
  const declared = (rules.manifest.permissions?.net ?? []).some((pattern) =>
    pattern === "*" ? !loopback : pattern === "loopback" ? loopback : hostMatches(pattern, targetOf(target)),
  );
  if (!declared) {
    throw problem(
      rules,
      "PLINTH_UNDECLARED",
      `${rules.manifest.id} did not declare the host ${target.host}.`,
      'Add it to "permissions.net" in plinth.json.',
    );
  }
  if (!loopback && !rules.allowNet) {
    throw problem(
      rules,
      "PLINTH_TEST_NET",
      `A test tried to reach ${target.host}.`,
      "Point it at a server on 127.0.0.1, or pass allowNet: true to createTestHost.",
    );
  }
}

export async function withSecrets(
  headers: Record<string, string>,
  { manifest, secrets }: FetchRules,
  origin: string,
): Promise<Record<string, string>> {
  const filled: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers))
    filled[name] = await secrets.substitute(manifest.id, manifest.permissions?.secrets ?? [], String(value), origin);
  return filled;
}

function asFetchResponse(response: Response, maxBytes: number, rules: FetchRules): FetchResponse {
  const body = async function* (): AsyncGenerator<Uint8Array> {
    let total = 0;
    for await (const chunk of response.body ?? []) {
      total += chunk.byteLength;
      if (total > maxBytes) throw problem(rules, "PLINTH_QUOTA", `A response is larger than ${maxBytes} bytes.`, "Raise maxBytes, or ask for less.");
      yield chunk;
    }
  };
  const text = async (): Promise<string> => {
    const decoder = new TextDecoder();
    let result = "";
    for await (const chunk of body()) result += decoder.decode(chunk, { stream: true });
    return result + decoder.decode();
  };
  return {
    status: response.status,
    ok: response.ok,
    headers: Object.fromEntries(response.headers),
    body: { [Symbol.asyncIterator]: body },
    text,
    json: async () => JSON.parse(await text()) as unknown,
  };
}

function problem(rules: FetchRules, code: string, message: string, next: string): PlinthError {
  return new PlinthError(code, message, { extension: rules.manifest.id, next });
}
