import type { TestHost } from "@plinth/sdk/testing";
import { createTestHost, describeConformance, embeddingConformance, type OpenaiMediaServer, openaiMediaServer } from "@plinth/sdk/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import api from "../api-openai-media/index.ts";
import apiManifest from "../api-openai-media/plinth.json" with { type: "json" };
import extension from "./index.ts";
import manifest from "./plinth.json" with { type: "json" };

const KEY = "sk-test-very-secret-0123456789";
const models = [
  { id: "text-embedding-3-large", dimensions: 3_072, shorter: [256], maxInputTokens: 8_192 },
  { id: "text-embedding-3-small", dimensions: 1_536, shorter: [512], maxInputTokens: 8_192, price: 0.02 },
];

interface Described {
  id: string;
  contract: string;
  descriptor: object;
  permissions?: object;
}

const described = ({ id, contract, descriptor, permissions = {} }: Described) => ({
  manifest: {
    ...{ id: `test.${id}`, version: "1.0.0", title: id, description: "", engines: { plinth: "*" }, permissions },
    provides: [{ contract, version: "1.0.0", id, descriptor }],
  },
  extension: { activate() {} } as never,
});

/** @param apis what the vendor has besides completions */
const vendor = (id: string, priority: number, apis: object, more: object = {}) =>
  described({
    id,
    contract: "plinth.model-vendor",
    descriptor: {
      ...{ title: id, api: "openai-chat", priority, apis, baseUrls: { default: `https://api.${id}.example/v1` } },
      ...{ auth: [{ kind: "key", secret: `${id.toUpperCase()}_KEY` }], ...more },
    },
  });

const embeddings = (more: object = {}) => ({ "plinth.embedding": { api: "openai", models, defaultModel: "text-embedding-3-small", ...more } });

let server: OpenaiMediaServer;
let open: TestHost[] = [];
beforeEach(async () => {
  server = await openaiMediaServer();
});
afterEach(async () => {
  for (const host of open) await host.close();
  open = [];
  await server.close();
});

interface World {
  config?: object;
  secrets?: string[];
  vendors?: object[];
  grants?: ReadonlyMap<string, object>;
  speaks?: boolean;
  /** Providers with code of their own. */
  provide?: object[];
}

async function house({ config = {}, secrets = [], vendors = [], grants = new Map(), speaks = true, provide = [] }: World) {
  const lent: object[] = [];
  const host = await createTestHost({
    extensions: [
      { manifest, extension, config },
      ...(speaks ? [{ manifest: apiManifest, extension: api, secrets: { LENT_1: KEY } }] : []),
      ...(vendors as ReturnType<typeof vendor>[]),
    ],
    provide: [
      {
        contract: "plinth.kernel",
        descriptor: { title: "Scripted" },
        provider: { snapshot: () => ({ config: { version: 1 }, grants, secretExists: async (name: string) => secrets.includes(name) }) } as never,
      },
      {
        contract: "plinth.secret-source",
        descriptor: { title: "Scripted" },
        provider: { resolve: () => null, lend: (loan: object) => ({ name: lent.push(loan) > 0 ? "LENT_1" : "" }) } as never,
      },
      ...(provide as []),
    ],
  });
  open.push(host);
  const embedding = host.use("plinth.embedding").get("models");
  const embed = (model?: string, more: object = {}) =>
    embedding.embed({ inputs: [[{ type: "text", text: "a stone" }]], ...(model === undefined ? {} : { model }), ...more });
  return { host, lent, embedding, embed, models: host.use("plinth.models").one() };
}

const at = (id: string) => ({ vendors: { [id]: { baseUrl: `${server.url}/v1` } } });

describeConformance({ describe, it }, "all embeddings", embeddingConformance, {
  open: async () => {
    const own = await openaiMediaServer();
    const config = { vendors: { acme: { baseUrl: `${own.url}/v1` } } };
    const { embedding } = await house({ vendors: [vendor("acme", 10, embeddings())], secrets: ["ACME_KEY"], config });
    return { provider: embedding, close: () => own.close() };
  },
  good: { inputs: [[{ type: "text", text: "a stone" }]] },
  bad: { inputs: [[{ type: "text", text: "a stone" }]], model: "acme/none" },
  unsupported: { inputs: [[{ type: "text", text: "a stone" }]], form: "bits" },
  shorter: 512,
});

describe("what a vendor has besides completions", () => {
  it("is asked at the vendor's address with a key that its protocol is lent for that alone, and is named vendor/model", async () => {
    const { embed, lent } = await house({ vendors: [vendor("acme", 10, embeddings())], secrets: ["ACME_KEY"], config: at("acme") });
    const answer = await embed("acme/text-embedding-3-large", { endpoint: { vendor: "x", title: "x", baseUrl: "http://192.0.2.1", headers: {} } });
    expect(answer).toMatchObject({ model: "acme/text-embedding-3-large", identity: "acme/text-embedding-3-large/3072", dimensions: 3_072 });
    expect(lent).toEqual([{ name: "ACME_KEY", to: "plinth.api-openai-media", origin: server.url }]);
    expect(server.requests[0]?.headers.authorization).toBe(`Bearer ${KEY}`);
    expect((await embed("acme/auto")).model, "the default is the data's").toBe("acme/text-embedding-3-small");
    expect((await embed("acme")).model).toBe("acme/text-embedding-3-small");
    expect(lent, "what was lent is used again").toHaveLength(1);
  });

  it("answers by itself where it is the first that is set up, or the one that the configuration names", async () => {
    const vendors = [vendor("early", 5, embeddings()), vendor("acme", 10, embeddings()), vendor("late", 20, embeddings())];
    const config = { vendors: { ...at("acme").vendors, ...at("late").vendors }, aliases: { mine: "late/text-embedding-3-large" } };
    const { embed, embedding } = await house({ vendors, secrets: ["ACME_KEY", "LATE_KEY"], config });
    expect((await embed()).model).toBe("acme/text-embedding-3-small");
    expect((await embed("mine")).model).toBe("late/text-embedding-3-large");
    expect(await embedding.status({})).toEqual({ ready: true, defaultModel: "acme/text-embedding-3-small" });
    expect((await embedding.models({})).models.map(({ id }) => id)).toEqual([
      "acme/text-embedding-3-small",
      "acme/text-embedding-3-large",
      "late/text-embedding-3-small",
      "late/text-embedding-3-large",
    ]);
    const named = await house({ vendors, secrets: ["ACME_KEY", "LATE_KEY"], config: { ...config, defaults: { embedding: "mine" } } });
    expect((await named.embed()).model).toBe("late/text-embedding-3-large");
  });

  it("is asked again where that may help, and not where it does not", async () => {
    const { embed } = await house({ vendors: [vendor("acme", 10, embeddings())], secrets: ["ACME_KEY"], config: at("acme") });
    server.script({ status: 429, body: { error: { message: "slow down" } }, headers: { "retry-after-ms": "1" } });
    await embed();
    expect(server.requests).toHaveLength(2);
    server.script({ status: 400, body: { error: { message: "no" } } });
    await expect(embed()).rejects.toMatchObject({ code: "PLINTH_MODEL_REQUEST" });
    expect(server.requests).toHaveLength(3);
  });

  it("says what is missing", async () => {
    const { embed, models } = await house({ vendors: [vendor("acme", 10, embeddings()), vendor("plain", 20, {})] });
    await expect(embed()).rejects.toMatchObject({ code: "PLINTH_MODEL_NONE", next: expect.stringContaining("ACME_KEY is not set.") });
    await expect(embed("acme/x")).rejects.toMatchObject({ code: "PLINTH_MODEL_AUTH" });
    await expect(embed("plain/x")).rejects.toMatchObject({ code: "PLINTH_MODEL_UNKNOWN" });
    const sources = await models.sources({ for: "plinth.embedding" });
    expect(sources.sources).toMatchObject([{ id: "acme", api: "openai", extension: "test.acme" }]);
    expect(await models.status({ provider: "acme", for: "plinth.embedding" })).toEqual({
      ready: false,
      configured: false,
      reason: "ACME_KEY is not set.",
    });
    await expect(models.sources({ for: "__proto__" })).rejects.toMatchObject({ code: "PLINTH_CAPABILITY_MISSING" });
    const mute = await house({ vendors: [vendor("acme", 10, embeddings())], secrets: ["ACME_KEY"], speaks: false });
    await expect(mute.embed("acme/x")).rejects.toMatchObject({ code: "PLINTH_MODEL_NOT_READY" });
  });

  it("says the next step first where nobody is set up, and what a few of many wait for", async () => {
    const vendors = Array.from({ length: 40 }, (_, at) => vendor(`v${at}`, at, embeddings()));
    const { embed, models } = await house({ vendors });
    const { next } = (await embed().catch((thrown: unknown) => thrown)) as { next: string };
    expect(next).toMatch(/^Set one up, or name one: PROVIDER\/MODEL\. v0: .*V2_KEY is not set\. And 37 more: plinth models --for embedding --all$/);
    const chat = await models.choose({ model: "auto" }).catch((thrown: { next: string }) => thrown);
    expect(chat).toMatchObject({
      code: "PLINTH_MODEL_NONE",
      next: expect.stringMatching(/^Set one up: plinth init\. v0: .* And 37 more: plinth models --all$/),
    });
    expect((chat as { next: string }).next.length).toBeLessThan(250);
  });

  it("can be at an address of its own, and then goes to that alone, also where the operator has another for completions", async () => {
    const apis = embeddings({ baseUrls: { default: `${server.url}/embed` }, headers: { "x-of": "acme" } });
    const { embed } = await house({
      vendors: [vendor("acme", 10, apis, { headers: { "x-chat": "1" } })],
      secrets: ["ACME_KEY"],
      config: { vendors: { acme: { baseUrl: "http://127.0.0.1:9/v1", query: { a: "b" }, extraBody: { c: 1 } } } },
    });
    await embed();
    expect(server.requests[0]).toMatchObject({ path: "/embed/embeddings", headers: { "x-of": "acme" } });
    expect(server.requests[0]?.headers).not.toHaveProperty("x-chat");
    expect(server.requests[0]?.body).not.toHaveProperty("c");
  });

  it("is found on a server of one's own that speaks chat completions", async () => {
    const { embed } = await house({ config: { servers: { work: { baseUrl: `${server.url}/v1`, headers: { authorization: "x" } } } } });
    expect((await embed("work/text-embedding-3-small")).model).toBe("work/text-embedding-3-small");
  });

  it("stands beside providers with code of their own, which go first where they share an id", async () => {
    const answer = { model: "m", identity: "own/m", dimensions: 1, form: "float32", vectors: ["AACAPw=="] };
    const own = (id: string, priority: number) => ({
      contract: "plinth.embedding",
      id,
      descriptor: { title: id, priority },
      provider: {
        status: () => ({ ready: true, defaultModel: "m" }),
        models: () => ({ models: [{ id: "m" }] }),
        embed(input: { endpoint?: unknown }) {
          expect(input.endpoint).toBe(undefined);
          return answer;
        },
      },
    });
    const { embed, embedding } = await house({
      vendors: [vendor("acme", 10, embeddings()), vendor("own", 1, embeddings())],
      secrets: ["ACME_KEY", "OWN_KEY"],
      config: at("acme"),
      provide: [own("own", 900)],
    });
    expect((await embed()).model).toBe("acme/text-embedding-3-small");
    expect(await embed("own/m")).toMatchObject({ model: "own/m", identity: "own/m" });
    expect((await embedding.models({})).models.at(-1)?.id).toBe("own/m");
  });

  it("of a third party is asked where it is named, with what it was granted, and not by itself", async () => {
    const theirs = { ...vendor("acme", 10, embeddings({ baseUrls: { default: `${server.url}/v1` } })), trusted: false };
    const granted = { net: ["loopback"], secrets: ["ACME_KEY"] };
    const { embed } = await house({
      vendors: [theirs],
      secrets: ["ACME_KEY"],
      grants: new Map([["test.acme", { permissions: granted }]]),
    });
    expect((await embed("acme/auto")).model).toBe("acme/text-embedding-3-small");
    await expect(embed()).rejects.toMatchObject({ code: "PLINTH_MODEL_NONE" });
    const refused = await house({ vendors: [theirs], secrets: ["ACME_KEY"] });
    await expect(refused.embed("acme/auto")).rejects.toMatchObject({ code: "PLINTH_PERMISSION" });
  });

  it("is all that a vendor has whose models do not talk: no conversation is offered with it", async () => {
    const { embed, models } = await house({
      vendors: [vendor("acme", 10, embeddings(), { api: undefined })],
      secrets: ["ACME_KEY"],
      config: at("acme"),
    });
    expect((await embed()).model).toBe("acme/text-embedding-3-small");
    expect(await models.sources({})).toEqual({ sources: [] });
    await expect(models.choose({ model: "acme/x" })).rejects.toMatchObject({ code: "PLINTH_MODEL_UNKNOWN" });
  });

  it("speaks with the vendor's voices, item by item", async () => {
    const speech = { api: "openai", models: [{ id: "tts-1" }], voices: [{ id: "nova", title: "Nova" }] };
    const { host } = await house({ vendors: [vendor("acme", 10, { "plinth.speech": speech })], secrets: ["ACME_KEY"], config: at("acme") });
    const all = host.use("plinth.speech").get("models");
    expect(await all.voices({ model: "acme/tts-1" })).toEqual({ voices: speech.voices });
    const types: string[] = [];
    for await (const { type } of all.speak({ lines: [{ text: "Hello." }] })) types.push(type);
    expect(types).toEqual(["start", "audio", "audio", "audio", "usage", "end"]);
    expect(server.requests[0]?.body).toMatchObject({ model: "tts-1", voice: "nova" });
  });

  it("follows work of a provider by a handle that says whose it is, and takes no other", async () => {
    const given: unknown[] = [];
    const film = {
      contract: "plinth.video-generation",
      id: "studio",
      descriptor: { title: "Studio", priority: 10 },
      provider: {
        status: () => ({ ready: true, defaultModel: "m" }),
        models: () => ({ models: [{ id: "m" }] }),
        async *generate() {
          yield { type: "job", job: "a/b" };
          yield { type: "end", reason: "done" };
        },
        async *resume(input: unknown) {
          given.push(input);
          yield { type: "job", job: "a/b" };
          yield { type: "end", reason: "done" };
        },
        cancel: (input: unknown) => ({ cancelled: given.push(input) > 0 }),
      },
    };
    const { host } = await house({ provide: [film] });
    const films = host.use("plinth.video-generation").get("models");
    const jobs = async (stream: AsyncIterable<{ type: string; job?: string }>) => {
      const found: unknown[] = [];
      for await (const item of stream) if (item.type === "job") found.push(item.job);
      return found;
    };
    expect(await jobs(films.generate({ prompt: "A stone." }) as never)).toEqual(["studio/a/b"]);
    expect(await jobs(films.resume({ job: "studio/a/b" }) as never)).toEqual(["studio/a/b"]);
    expect(await films.cancel({ job: "studio/a/b" })).toEqual({ cancelled: true });
    expect(given).toEqual([{ job: "a/b" }, { job: "a/b" }]);
    for (const job of ["a/b", "nobody", "__proto__/x"]) await expect(films.cancel({ job })).rejects.toMatchObject({ code: "PLINTH_MODEL_JOB" });
  });
});
