import { type Context, type ModelEvent, type ModelInfo, type ModelRequest, PlinthError } from "@plinth/sdk";
import { secretHandle } from "@plinth/sdk/wire";

/** Whoever is looked at. */
export interface Asker {
  readonly title: string;
  models(signal: AbortSignal): Promise<ModelInfo[]>;
  /** One answer, asked for once. */
  stream(request: ModelRequest, signal: AbortSignal): AsyncIterable<ModelEvent>;
}

interface Options {
  api?: string | undefined;
  secret?: string | undefined;
  header?: string | undefined;
}

/** How each protocol carries a key, where nothing else is said. */
const KEY_HEADERS: Readonly<Record<string, string>> = { "anthropic-messages": "x-api-key", gemini: "x-goog-api-key" };

/** A server by its address and protocol, or a provider that is set up, by its id. */
export async function askerOf(ctx: Context, server: string, options: Options): Promise<Asker> {
  if (!/^https?:\/\//.test(server)) return provider(ctx, server);
  const { api = "openai-chat", secret, header } = options;
  if (!URL.canParse(server)) throw wrong(`${JSON.stringify(server)} is no address.`, "Give one such as http://127.0.0.1:8080/v1.");
  const apis = await ctx.use("plinth.model-api").list();
  const speaker = apis.find(({ id }) => id === api);
  if (speaker === undefined) throw wrong(`Nothing here speaks ${JSON.stringify(api)}.`, `Use one of ${apis.map(({ id }) => id).join(", ")}.`);
  const origin = new URL(server).origin;
  const headers =
    secret === undefined ? {} : await proof(ctx, { secret, to: speaker.extension, origin, name: header ?? KEY_HEADERS[api] ?? "authorization" });
  const endpoint = { vendor: "check", title: new URL(server).host, baseUrl: server.replace(/\/+$/, ""), headers };
  const client = ctx.use("plinth.model-api").get(api);
  return {
    title: `${endpoint.baseUrl} (${api})`,
    models: async (signal) => (await client.models({ endpoint }, { signal })).models,
    stream: (request, signal) => client.stream({ endpoint, request }, { signal }),
  };
}

/** The key itself stays with the host: what is put into a header is a handle for this address alone. */
async function proof(ctx: Context, of: { secret: string; to: string; origin: string; name: string }): Promise<Record<string, string>> {
  const { name } = await ctx.use("plinth.secret-source").one().lend({ name: of.secret, to: of.to, origin: of.origin });
  const handle = secretHandle(name);
  return { [of.name.toLowerCase()]: of.name.toLowerCase() === "authorization" ? `Bearer ${handle}` : handle };
}

function provider(ctx: Context, id: string): Asker {
  const models = ctx.use("plinth.models").one();
  return {
    title: id,
    models: async (signal) => (await models.models({ provider: id }, { signal })).models,
    async *stream(request, signal) {
      const asked = { ...request, model: `${id}/${request.model}`, retries: 0, fallbacks: [] };
      for await (const event of models.stream(asked, { signal }))
        if (event.type !== "model" && event.type !== "again" && event.type !== "waiting") yield event;
    },
  };
}

const wrong = (message: string, next: string): PlinthError => new PlinthError("PLINTH_USAGE", message, { next });
