import type { FetchResponse, PlinthError } from "@plinth/sdk";
import { type FailureKind, failure, refusalOf, refused } from "@plinth/sdk/kits/model-api";
import type { Endpoint } from "./endpoint.ts";

const MAX_MESSAGE = 500;

/** The coded error for a status other than 2xx, with what to do about it at this vendor. */
export async function httpError(endpoint: Endpoint, response: FetchResponse): Promise<PlinthError> {
  return refused(endpoint.vendor.title, await refusalOf(response), (kind) => advice(endpoint, kind));
}

export function missingKey(endpoint: Endpoint): PlinthError {
  return failure("AUTH", `${endpoint.vendor.title} needs a key, and ${endpoint.secret} is not set.`, {
    next: `Set the environment variable ${endpoint.secret} and start again.`,
  });
}

export function unreachable(endpoint: Endpoint, cause: unknown): PlinthError {
  const why = cause instanceof Error ? cause.message.slice(0, MAX_MESSAGE) : "no answer";
  return failure("NETWORK", `${endpoint.vendor.title} cannot be reached: ${why}`, {
    next: endpoint.loopback ? `Start the server at ${endpoint.baseUrl}, or use another provider.` : undefined,
    cause,
  });
}

function advice({ baseUrl, own, secret }: Endpoint, kind: FailureKind): string | undefined {
  if (kind === "AUTH") {
    return secret
      ? `Check the key in the environment variable ${secret}, and what it is allowed to do.`
      : "The server wants a key: name its secret in the configuration.";
  }
  if (kind === "UNKNOWN" && !own) return `Check the model's name and the address ${baseUrl}; the provider's models can be listed.`;
  if (kind === "STREAM") return `Check the address ${baseUrl}: it does not answer as a model server does.`;
  return undefined;
}
