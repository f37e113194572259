import { type Capability, type Descriptor, errorInfo, type Uses } from "@plinth/sdk";
import { infoIn, type Source } from "./source.ts";

const STATUS_MS = 2_000;

/** A provider with code of its own. */
export function providerSource(listed: Capability<Descriptor<"plinth.model-provider">>, providers: Uses<"plinth.model-provider">): Source {
  const { id, extension, trusted, descriptor } = listed;
  const { title, priority, local, unbilled, standIn, needs, models } = descriptor;
  const client = providers.get(id);
  return {
    data: {
      ...{ id, title, extension, priority, trusted },
      ...(local === undefined ? {} : { local }),
      ...(unbilled === undefined ? {} : { unbilled }),
      ...(standIn === undefined ? {} : { standIn }),
      ...(needs === undefined ? {} : { needs }),
    },
    maker: `${extension}/${id}`,
    info: (model) => infoIn(models, model),
    async status(signal) {
      const { ready, reason, defaultModel } = await client.status({}, { deadlineMs: STATUS_MS, signal });
      return { ready, configured: ready, ...(reason === undefined ? {} : { reason }), ...(defaultModel === undefined ? {} : { defaultModel }) };
    },
    models: async (signal) => (await client.models({}, { signal })).models,
    stream: (request, signal) => client.stream(request, { signal }),
    async countTokens(request, signal) {
      try {
        return (await client.countTokens(request, { signal })).inputTokens;
      } catch (thrown) {
        if (errorInfo(thrown).code === "PLINTH_UNSUPPORTED") return undefined;
        throw thrown;
      }
    },
  };
}
