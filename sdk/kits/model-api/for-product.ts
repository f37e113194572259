import { isProduct } from "@plinth/manifests/party.ts";
import { PlinthError } from "../../extension/errors.ts";
import type { Call } from "../../extension/index.ts";

type Methods = { [name: string]: (input: any, call: Call) => unknown };

/**
 * A protocol's code sends whatever it is given wherever it is told to: through it, somebody without a permission for a host
 * would reach that host. So it works for the product alone, whose `plinth.models` decides who is asked where.
 *
 * @param contract as errors name it
 * @throws PLINTH_PERMISSION from each method, for other callers
 */
export function forProduct<Provider extends object>(provider: Provider, contract = "plinth.model-api"): Provider {
  const guarded = Object.entries(provider as Methods).map(([name, method]) => [
    name,
    (input: unknown, call: Call) => {
      checked(contract, call);
      return method(input, call);
    },
  ]);
  return Object.fromEntries(guarded) as Provider;
}

function checked(contract: string, { caller }: Call): void {
  if (isProduct(caller)) return;
  throw new PlinthError("PLINTH_PERMISSION", `${caller} may not use ${contract} of a protocol: only the product may.`, {
    extension: caller,
    next: contract === "plinth.model-api" ? "Use plinth.models." : `Use ${contract} of plinth.models.`,
  });
}
