import type { Client, ModelEndpoint, ModelRequest } from "../../extension/index.ts";
import type { ConformanceCase } from "./case.ts";
import { type ModelProviderSubject, modelProviderConformance } from "./model-provider.ts";

type ApiClient = Client<"plinth.model-api">;

export interface ModelApiSubject extends Omit<ModelProviderSubject, "open"> {
  /** The API fresh for each case, and a server that speaks it. */
  open(): Promise<{ api: ApiClient; endpoint: ModelEndpoint; close?(): unknown }>;
}

/** What `plinth.model-api` asks of every protocol: with an endpoint it does what a model provider does. */
export const modelApiConformance: readonly ConformanceCase<ModelApiSubject>[] = modelProviderConformance.flatMap(({ name, needs, run }) =>
  name.startsWith("says whether it is ready")
    ? []
    : [
        {
          name,
          ...(needs === undefined ? {} : { needs: needs as (keyof ModelApiSubject & string)[] }),
          run: ({ open, ...subject }: ModelApiSubject) => run({ ...subject, open: () => opened(open) }),
        },
      ],
);

async function opened(open: ModelApiSubject["open"]): ReturnType<ModelProviderSubject["open"]> {
  const { api, endpoint, close } = await open();
  const provider: Client<"plinth.model-provider"> = {
    status: async () => ({ ready: true }),
    models: (_, options) => api.models({ endpoint }, options),
    stream: (request: ModelRequest, options) => api.stream({ endpoint, request }, options),
    countTokens: (request, options) => api.countTokens({ endpoint, request }, options),
  };
  return { provider, ...(close === undefined ? {} : { close }) };
}
