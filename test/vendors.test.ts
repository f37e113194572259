import { existsSync, globSync, readdirSync, readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Extension, Manifest, ModelEndpoint, ModelEvent, ModelVendor } from "@plinth/sdk";
import { createTestHost, modelVendorConformance, type TestHost } from "@plinth/sdk/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const root = join(import.meta.dirname, "..");
const json = (path: string) => JSON.parse(readFileSync(path, "utf8"));

interface Vendor {
  readonly id: string;
  readonly dir: string;
  readonly manifest: Manifest;
  readonly data: ModelVendor;
}

/** One line of `recorded.json`: what the stream beside it says, in Plinth's words. */
interface Said {
  text: string;
  reasoning?: string;
  calls?: [name: string, args: unknown][];
  end: string;
  usage?: Record<string, number>;
}

const FORMS: { readonly [ending: string]: string } = {
  sse: "text/event-stream",
  ndjson: "application/x-ndjson",
  "eventstream.b64": "application/vnd.amazon.eventstream",
};

const vendors: Vendor[] = readdirSync(join(root, "extensions/vendors")).map((name) => {
  const dir = join(root, "extensions/vendors", name);
  const manifest = json(join(dir, "plinth.json"));
  const { id, descriptor } = manifest.provides[0];
  return { id, dir, manifest, data: descriptor };
});

/** Those that are installed on demand, whose package has the code of their protocol too. */
const packages: Pick<Vendor, "id" | "data">[] = globSync("extensions/models/*/plinth.json", { cwd: root }).flatMap((file) => {
  const { id: extension, provides = [] }: Manifest = json(join(root, file));
  const data = provides.filter(({ contract }) => contract === "plinth.model-vendor" && extension !== "plinth.openai-compatible");
  return data.map(({ id, descriptor }) => ({ id, data: descriptor as ModelVendor }));
});

/** The product's APIs by id, with the folder of the extension that has each. */
const apis = new Map<string, { dir: string; manifest: Manifest; quirks: Record<string, string> }>(
  globSync("extensions/models/*/plinth.json", { cwd: root }).flatMap((file) => {
    const dir = join(root, dirname(file));
    const manifest: Manifest = json(join(root, file));
    const provided = (manifest.provides ?? []).filter(({ contract }) => contract === "plinth.model-api");
    return provided.map(
      ({ id, descriptor }) => [id, { dir, manifest, quirks: (descriptor as { quirks?: Record<string, string> }).quirks ?? {} }] as const,
    );
  }),
);

/** The quirks of what speaks for other purposes, by contract and id. */
const speakers = new Map<string, object>(
  globSync("extensions/models/*/plinth.json", { cwd: root }).flatMap((file) => {
    const provided: NonNullable<Manifest["provides"]> = json(join(root, file)).provides ?? [];
    const speaking = provided.map(({ contract, id, descriptor }) => [`${contract} ${id}`, descriptor as { api?: boolean; quirks?: object }] as const);
    return speaking.filter(([, { api }]) => api === true).map(([name, { quirks = {} }]) => [name, quirks] as const);
  }),
);

/** The wire protocols of the product. */
const APIS = ["anthropic-messages", "bedrock-converse", "gemini", "ollama", "openai-chat", "openai-responses"];

const twice = (list: readonly (string | number)[]) => list.filter((one, at) => list.indexOf(one) !== at);

describe("the vendors together", () => {
  it("are many, each a folder of its own name, without code, on by default", () => {
    expect(vendors.length).toBeGreaterThan(40);
    const { default: on } = json(join(root, "extensions/product.json"));
    for (const { id, dir, manifest } of vendors) {
      expect([manifest.id, manifest.provides?.length, manifest.entry], id).toEqual([`plinth.${id}`, 1, undefined]);
      expect(dir.endsWith(`/${id}`), id).toBe(true);
      expect(on, id).toContain(manifest.id);
      for (const file of readdirSync(dir)) expect(file, id).toMatch(/^(plinth\.json|README\.md|recorded\.(json|sse|ndjson|eventstream\.b64))$/);
    }
  });

  it("have ids and priorities of their own, and keys too, where not one account opens two doors", () => {
    const all = [...vendors, ...packages];
    expect(twice(all.map(({ id }) => id))).toEqual([]);
    expect(twice(all.map(({ data }) => data.priority))).toEqual([]);
    const keys = all.flatMap(({ data }) => data.auth.flatMap(({ secret }) => secret ?? []));
    expect(twice(keys).sort()).toEqual(["AWS_BEARER_TOKEN_BEDROCK", "OPENCODE_API_KEY"]);
  });

  it("speak the product's protocols, and those that the product has are such", () => {
    const spoken = vendors.flatMap(({ data }) => [data.api ?? [], Object.keys(data.otherApis ?? {})].flat());
    expect([...new Set(spoken)].sort()).toEqual(APIS);
    expect([...apis.keys()].filter((api) => !APIS.includes(api))).toEqual([]);
  });

  it("keep the names that people have in their configurations and environments", () => {
    const names = ["openai", "anthropic", "openrouter", "groq", "mistral", "deepseek", "xai", "gemini", "ollama", "llamacpp"];
    const found = names.map((name) => vendors.find(({ id }) => id === name)!.data);
    expect(found.map(({ priority }) => priority)).toEqual([10, 20, 30, 40, 45, 50, 55, 60, 80, 90]);
    expect(found.map(({ auth }) => auth[0]?.secret)).toEqual([
      ...names.slice(0, 8).map((name) => `${name.toUpperCase()}_API_KEY`),
      undefined,
      undefined,
    ]);
    expect(found.flatMap(({ baseUrlEnv, modelEnv }) => [baseUrlEnv ?? [], modelEnv ?? []].flat())).toEqual([
      "OPENAI_BASE_URL",
      "OPENAI_MODEL",
      "OLLAMA_HOST",
      "LLAMACPP_BASE_URL",
    ]);
  });

  it("say when and where prices and limits were read, where they have any, and no price that nobody could pay", () => {
    for (const { id, data } of vendors) {
      const { models = [], catalogue } = data;
      expect(catalogue !== undefined, `${id} has a catalogue's day and place exactly if it has models`).toBe(models.length > 0);
      for (const { id: model, price = {}, contextTokens = 1_000_000 } of models) {
        expect(Math.max(0, ...Object.values(price)), `${id} ${model}`).toBeLessThan(1_000);
        expect(contextTokens, `${id} ${model}`).toBeGreaterThanOrEqual(4_096);
      }
    }
  });
});

describe.each(vendors)("$id", ({ id, dir, manifest, data }) => {
  for (const one of modelVendorConformance) it(one.name, () => one.run({ manifest, id }));

  it("sets no quirk that its API does not declare", () => {
    const set: [string, ModelVendor["quirks"]][] = [
      ...(data.api === undefined ? [] : [[data.api, data.quirks] as [string, ModelVendor["quirks"]]]),
      ...Object.entries(data.otherApis ?? {}).map(([api, other]) => [api, other.quirks] as [string, ModelVendor["quirks"]]),
    ];
    for (const [api, quirks = {}] of set) {
      const known = apis.get(api);
      if (known !== undefined) expect(Object.keys(known.quirks), `${id} on ${api}`).toEqual(expect.arrayContaining(Object.keys(quirks)));
    }
  });

  it("speaks for other purposes what the product speaks, with quirks that are declared", () => {
    for (const [purpose, besides] of Object.entries(data.apis ?? {})) {
      const speaker = speakers.get(`${purpose} ${besides.api}`);
      expect(speaker, `${purpose} ${besides.api}`).toBeDefined();
      for (const model of besides.models ?? []) expect("price" in model ? model.price : 0, `${id} ${model.id}`).toBeLessThan(1_000);
      expect(Object.keys(speaker!), `${id} for ${purpose}`).toEqual(expect.arrayContaining(Object.keys(besides.quirks ?? {})));
    }
  });

  it("lists what it has for another purpose once, with voices of what it lists, at addresses of regions that it has", () => {
    for (const [purpose, besides] of Object.entries(data.apis ?? {})) {
      const { models = [], baseUrls = {} } = besides;
      const voices = "voices" in besides ? (besides.voices ?? []) : [];
      const ids = models.map((model) => model.id);
      expect([...twice(ids), ...twice(voices.map((voice) => voice.id))], `${id} for ${purpose}`).toEqual([]);
      expect(ids, `${id} for ${purpose}`).toEqual(expect.arrayContaining(voices.flatMap((voice) => voice.models ?? [])));
      expect(Object.keys(data.baseUrls), `${id} for ${purpose}`).toEqual(expect.arrayContaining(Object.keys(baseUrls)));
    }
  });

  it.runIf(data.api !== undefined)("has a stream in its own form, and what it says", () => {
    expect(Object.keys(FORMS).filter((ending) => existsSync(join(dir, `recorded.${ending}`)))).toHaveLength(1);
    expect(json(join(dir, "recorded.json"))).toMatchObject({ text: expect.any(String), end: expect.stringMatching(/^(stop|tool-calls)$/) });
  });
});

const readable = vendors.filter(({ data }) => data.api !== undefined && apis.has(data.api));

describe.runIf(readable.length > 0)("the recorded streams, read by the APIs' own code", () => {
  let host: TestHost;
  let server: Server;
  let url: string;
  let body = Buffer.alloc(0);
  let contentType = "";

  beforeAll(async () => {
    const used = [...new Set(readable.map(({ data }) => apis.get(data.api!)!))];
    const extensions = await Promise.all(
      used.map(async ({ dir, manifest }) => ({
        manifest,
        extension: (await import(pathToFileURL(join(dir, "index.ts")).href)).default as Extension<any>,
      })),
    );
    host = await createTestHost({ extensions });
    server = createServer((_request, response) => response.writeHead(200, { "content-type": contentType }).end(body));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(async () => {
    await host?.close();
    server?.close();
  });

  it.each(readable.length > 0 ? readable : vendors)("$id", async ({ id, dir, data }) => {
    const [ending] = Object.keys(FORMS).filter((one) => existsSync(join(dir, `recorded.${one}`)));
    const text = readFileSync(join(dir, `recorded.${ending}`));
    body = ending === "eventstream.b64" ? Buffer.from(text.toString("ascii"), "base64") : text;
    contentType = FORMS[ending!]!;
    const { title, quirks, models = [], defaultModel = models[0]?.id ?? "model" } = data;
    const endpoint: ModelEndpoint = {
      vendor: id,
      title,
      baseUrl: url,
      headers: { authorization: "Bearer recorded" },
      models,
      ...(quirks === undefined ? {} : { quirks }),
    };
    const weather = { name: "weather", description: "Tells the weather.", input: { type: "object", properties: { city: { type: "string" } } } };
    const said: Said = json(join(dir, "recorded.json"));
    const request = {
      model: defaultModel,
      messages: [{ role: "user" as const, content: [{ type: "text" as const, text: "How is the weather in Oslo?" }] }],
      ...(said.calls === undefined ? {} : { tools: [weather] }),
    };
    const events: ModelEvent[] = [];
    for await (const event of host.use("plinth.model-api").get(data.api!).stream({ endpoint, request })) events.push(event);
    expect(summary(events)).toEqual({ ...said, usage: said.usage && expect.objectContaining(said.usage) });
  });
});

/** What events say, in the form of `recorded.json`. */
function summary(events: readonly ModelEvent[]): Partial<Said> {
  const texts = (type: "text" | "reasoning") =>
    events.map((event) => (event.type === type ? ((event as { delta?: string }).delta ?? "") : "")).join("");
  const calls = events.flatMap((event) => (event.type === "tool-call" ? [[event.call.name, event.call.args] as [string, unknown]] : []));
  const ends = events.flatMap((event) => (event.type === "end" ? [event.reason] : []));
  const usage = events.findLast((event) => event.type === "usage")?.usage as Record<string, number> | undefined;
  const reasoning = texts("reasoning");
  return {
    text: texts("text"),
    ...(reasoning === "" ? {} : { reasoning }),
    ...(calls.length === 0 ? {} : { calls }),
    end: ends.join(" and "),
    usage,
  };
}
