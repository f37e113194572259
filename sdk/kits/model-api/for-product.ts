import { isProduct } from "@plinth/manifests/party.ts";
import { PlinthError } from "../../extension/errors.ts";
import type { Call, Provider } from "../../extension/index.ts";

type Api = Provider<"plinth.model-api">;

/**
 * A protocol's code sends whatever it is given wherever it is told to: through it, somebody without a permission for a host
 * would reach that host. So it works for the product alone, whose `plinth.models` decides who is asked where.
 *
 * @throws PLINTH_PERMISSION from each method, for other callers
 */
export function forProduct({ models, stream, countTokens }: Api): Api {
  const checked = ({ caller }: Call): void => {
    if (isProduct(caller)) return;
    throw new PlinthError("PLINTH_PERMISSION", `${caller} may not use plinth.model-api: only the product may.`, {
      extension: caller,
      next: "Use plinth.models.",
    });
  };
  return {
    models(input, call) {
      checked(call);
      return models(input, call);
    },
    stream(input, call) {
      checked(call);
      return stream(input, call);
    },
    ...(countTokens === undefined
      ? {}
      : {
          countTokens(input, call) {
            checked(call);
            return countTokens(input, call);
          },
        }),
  };
}
