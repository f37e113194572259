import type { ModelsEvent } from "@plinth/sdk";
import { permitted } from "@plinth/sdk/kits/model-api";
import { createTestHost, type ModelServer, openaiChatServer, type TestHost } from "@plinth/sdk/testing";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import api from "../api-openai-chat/index.ts";
import apiManifest from "../api-openai-chat/plinth.json" with { type: "json" };
import { addressOf } from "./address.ts";
import extension from "./index.ts";
import manifest from "./plinth.json" with { type: "json" };
import { plainProofs } from "./proofs.ts";
import { unbilledPrice } from "./source.ts";
import { VendorSource } from "./vendor.ts";

const KEY = "sk-test-very-secret-0123456789";
const vendor = (id: string, more: object = {}, permissions: object = {}) => ({
  manifest: {
    id: `test.${id}`,
    version: "1.0.0",
    title: id,
    description: "",
    engines: { plinth: "*" },
    provides: [
      {
        contract: "plinth.model-vendor",
        version: "1.0.0",
        id,
        descriptor: {
          title: id,
          api: "openai-chat",
          priority: 10,
          baseUrls: { default: `https://api.${id}.example/v1` },
          auth: [{ kind: "key", secret: `${id.toUpperCase()}_KEY` }],
          defaultModel: "first",
          ...more,
        },
      },
    ],
    permissions,
  },
});

let server: ModelServer;
let open: TestHost[] = [];
beforeEach(async () => {
  server = await openaiChatServer({ models: ["mine", "other"] });
});
afterEach(async () => {
  vi.unstubAllEnvs();
  for (const host of open) await host.close();
  open = [];
  await server.close();
});

interface World {
  config?: object;
  secrets?: string[];
  grants?: ReadonlyMap<string, object>;
  compatible?: object;
  vendors?: ReturnType<typeof vendor>[];
}

async function house({ config = {}, secrets = [], grants = new Map(), compatible, vendors = [] }: World) {
  const lent: object[] = [];
  const host = await createTestHost({
    extensions: [
      { manifest, extension, config },
      { manifest: apiManifest, extension: api, secrets: { LENT_1: KEY } },
      ...vendors.map((one) => ({ ...one, extension: { activate() {} } as never })),
    ],
    provide: [
      {
        contract: "plinth.kernel",
        descriptor: { title: "Scripted" },
        provider: {
          snapshot: () => ({
            config: { version: 1, extensions: compatible === undefined ? {} : { "plinth.openai-compatible": { config: compatible } } },
            grants,
            secretExists: async (name: string) => secrets.includes(name),
          }),
        } as never,
      },
      {
        contract: "plinth.secret-source",
        descriptor: { title: "Scripted" },
        provider: { resolve: () => null, lend: (loan: object) => ({ name: lent.push(loan) > 0 ? "LENT_1" : "" }) } as never,
      },
    ],
  });
  open.push(host);
  const models = host.use("plinth.models").one();
  const ask = async (model: string, more: object = {}): Promise<ModelsEvent[]> => {
    const events: ModelsEvent[] = [];
    const messages = [{ role: "user" as const, content: [{ type: "text" as const, text: "hi" }] }];
    for await (const event of models.stream({ model, messages, retryBaseMs: 1, ...more })) events.push(event);
    return events;
  };
  return { models, ask, lent };
}

const textOf = (events: ModelsEvent[]): string => events.map((event) => (event.type === "text" ? event.delta : "")).join("");

describe("a vendor joined with its protocol", () => {
  it("is asked at its address with a key that its protocol is lent for that address alone, and never sees", async () => {
    const { ask, lent } = await house({
      vendors: [vendor("acme", { quirks: { maxTokensField: "max_completion_tokens" }, headers: { "x-of": "acme" } })],
      config: { vendors: { acme: { baseUrl: `${server.url}/v1/`, headers: { "x-team": "blue" } } } },
      secrets: ["ACME_KEY"],
    });
    const events = await ask("acme/big", { maxOutputTokens: 5 });
    expect(events[0]).toEqual({ type: "model", name: "acme/big", provider: "acme", model: "big", maker: "test.acme/acme" });
    expect(textOf(events)).toBe("Hello.");
    expect(lent).toEqual([{ name: "ACME_KEY", to: "plinth.api-openai-chat", origin: server.url }]);
    const { headers, body } = server.requests[0]!;
    expect(headers).toMatchObject({ authorization: `Bearer ${KEY}`, "x-of": "acme", "x-team": "blue" });
    expect(body, "what is known of the vendor's own server is not said to another").toMatchObject({ model: "big", max_tokens: 5 });
    await ask("acme/big");
    expect(lent.length, "what was lent is used again").toBe(1);
  });

  it("is ready with a key, or where it answers; says what is missing; and is set up where somebody gave it an address", async () => {
    vi.stubEnv("LOCAL_HOST", "127.0.0.1:9");
    const { models } = await house({
      vendors: [
        vendor("keyed"),
        vendor("keyless"),
        vendor("local", {
          local: true,
          auth: [{ kind: "none" }],
          baseUrlEnv: "LOCAL_HOST",
          defaultModel: undefined,
          baseUrls: { default: "http://127.0.0.1:1/v1" },
        }),
        vendor("chosen", { local: true, auth: [{ kind: "none" }] }),
        vendor("named", { baseUrls: { default: "https://{PLINTH_TEST_PLACE}.example/v1" } }),
      ],
      config: { servers: { work: { baseUrl: `${server.url}/v1` } }, vendors: { chosen: { baseUrl: "http://127.0.0.1:9/v1" } } },
      secrets: ["KEYED_KEY"],
    });
    const status = (provider: string) => models.status({ provider });
    expect(await status("keyed")).toEqual({ ready: true, configured: true, defaultModel: "first" });
    expect(await status("keyless")).toEqual({ ready: false, configured: false, reason: "KEYLESS_KEY is not set." });
    expect(await status("local")).toEqual({ ready: false, configured: false, reason: "No server answers at http://127.0.0.1:9/v1." });
    expect(await status("chosen")).toMatchObject({ ready: false, configured: true });
    expect(await status("named")).toEqual({
      ready: false,
      configured: false,
      reason: "PLINTH_TEST_PLACE is not set, which is a part of its address.",
    });
    expect(await status("work")).toEqual({ ready: true, configured: true, defaultModel: "mine" });
    expect(await models.models({ provider: "work" })).toMatchObject({ models: [{ id: "mine" }, { id: "other" }] });
    await expect(status("nobody")).rejects.toMatchObject({ code: "PLINTH_CAPABILITY_MISSING" });
  });

  it("follows what stands where compatible servers were set up, and its own settings above that", async () => {
    const compatible = { vendors: { acme: { baseUrl: "http://127.0.0.1:9/v1", defaultModel: "old", models: ["old"] } } };
    const { models } = await house({
      vendors: [vendor("acme")],
      compatible,
      config: { vendors: { acme: { defaultModel: "new" } } },
      secrets: ["ACME_KEY"],
    });
    expect(await models.status({ provider: "acme" })).toMatchObject({ defaultModel: "new" });
    expect(await models.models({ provider: "acme" })).toEqual({ models: [{ id: "old" }] });
  });
});

describe("tools", () => {
  it("are said in the words of the server's protocol, so that one odd schema makes no message fail", async () => {
    const { ask } = await house({ config: { servers: { work: { baseUrl: `${server.url}/v1` } } } });
    const input = {
      type: "object",
      properties: { list: { type: "array" }, deep: { type: "object" } },
      anyOf: [{ required: ["list"] }, { required: ["deep"] }],
    };
    await ask("work/m", {
      tools: [
        { name: "odd", description: "Odd.", input },
        { name: "bare", description: "Bare.", input: {} },
      ],
    });
    const [odd, bare] = server.requests[0]!.body.tools.map((tool: { function: { parameters: any } }) => tool.function.parameters);
    expect(odd).toMatchObject({ type: "object", properties: { list: { type: "array", items: {} }, deep: { type: "object", properties: {} } } });
    expect(odd.anyOf).toBeUndefined();
    expect(bare).toMatchObject({ type: "object", properties: {} });
    expect(input.properties.list, "the tool's own schema stays as it is").toEqual({ type: "array" });
  });
});

describe("the automatic choice", () => {
  it("is what somebody set up, and stays it where it cannot answer: the failure is told, and nobody else answers", async () => {
    const { ask } = await house({
      vendors: [vendor("acme"), vendor("beta", { priority: 20 })],
      config: { vendors: { beta: { baseUrl: `${server.url}/v1` }, acme: { baseUrl: "http://127.0.0.1:9/v1", defaultModel: "m" } } },
      secrets: ["ACME_KEY", "BETA_KEY"],
    });
    await expect(ask("auto", { retries: 0 })).rejects.toMatchObject({ code: "PLINTH_MODEL_NETWORK" });
    expect(server.requests).toEqual([]);
  });

  it("says what cannot answer where it is set up and names no model", async () => {
    const { ask } = await house({ config: { servers: { work: { baseUrl: "http://127.0.0.1:9/v1" } } } });
    await expect(ask("auto")).rejects.toMatchObject({ code: "PLINTH_MODEL_NOT_READY", message: expect.stringContaining("127.0.0.1:9") });
  });
});

describe("what is counted", () => {
  it("goes to its provider without what another provider made", async () => {
    const seen: unknown[] = [];
    const host = await createTestHost({
      extensions: [{ manifest, extension }],
      provide: [
        {
          contract: "plinth.kernel",
          descriptor: { title: "k" },
          provider: { snapshot: () => ({ config: { version: 1 }, grants: new Map() }) } as never,
        },
        { contract: "plinth.secret-source", descriptor: { title: "s" }, provider: { resolve: () => null } as never },
        {
          contract: "plinth.model-provider",
          id: "one",
          descriptor: { title: "One", priority: 1 },
          provider: {
            status: () => ({ ready: true }),
            models: () => ({ models: [] }),
            countTokens: (input: unknown) => ({ inputTokens: seen.push(input) + 6 }),
          } as never,
        },
      ],
    });
    open.push(host);
    const part = (by: string) => ({ type: "opaque" as const, opaque: { by, data: by } });
    const messages = [{ role: "assistant" as const, content: [part("acme.other/other"), part("test.scripted/one")] }];
    expect(await host.use("plinth.models").one().countTokens({ model: "one/m", messages })).toEqual({ inputTokens: 7 });
    expect(JSON.stringify(seen)).toContain("test.scripted/one");
    expect(JSON.stringify(seen)).not.toContain("acme.other");
  });
});

describe("a chain", () => {
  const servers = () => ({ dead: { baseUrl: "http://127.0.0.1:9/v1" }, alive: { baseUrl: `${server.url}/v1`, defaultModel: "mine" } });

  it("goes on with the next where one fails before it spoke, and says so", async () => {
    const { ask, models } = await house({ config: { servers: servers(), fallbacks: ["spare"], aliases: { spare: "alive/auto" } } });
    const events = await ask("dead/m", { retries: 1 });
    expect(events.map(({ type }) => type)).toEqual(
      ["model", "again", "model", "again", "model", "warning", "text", "usage", "end"].filter(
        (type) => type !== "usage" || events.some((one) => one.type === "usage"),
      ),
    );
    expect(events.find(({ type }) => type === "warning")).toMatchObject({
      code: "PLINTH_MODEL_FALLBACK",
      message: expect.stringMatching(/^alive\/mine answers, because dead\/m: /),
    });
    expect((await models.choose({ model: "dead/m" })).choices.map(({ name }) => name)).toEqual(["dead/m", "alive/mine"]);
  });

  it("ends where the request is at fault, and where something was said", async () => {
    const { ask } = await house({
      config: { servers: { ...servers(), other: { baseUrl: `${server.url}/v1`, defaultModel: "other" } }, fallbacks: ["other/auto"] },
    });
    server.script({ refuse: { status: 400, body: { error: { message: "bad" } } } }, {});
    await expect(ask("alive/mine")).rejects.toMatchObject({ code: "PLINTH_MODEL_REQUEST" });
    expect(server.requests.length).toBe(1);
    server.script({ say: [{ text: "Hel" }, { raw: "data: {nonsense\n\n" }] }, {});
    await expect(ask("alive/mine")).rejects.toMatchObject({ code: "PLINTH_MODEL_STREAM" });
    expect(server.requests.length).toBe(2);
  });
});

describe("a third party's vendor", () => {
  const may = (granted: object, secret: string | undefined, address: string) => () => permitted(granted, "acme.vendor", secret, address);

  it("sends the secrets that it was granted to the hosts that it was granted, and nothing else anywhere", () => {
    const granted = { net: ["api.acme.example", "*.eu.acme.example", "https://odd.example:8443"], secrets: ["ACME_KEY"] };
    for (const address of ["https://api.acme.example/v1", "https://x.eu.acme.example/", "https://odd.example:8443/v1"])
      expect(may(granted, "ACME_KEY", address)).not.toThrow();
    expect(may(granted, "OTHER_KEY", "https://api.acme.example/v1")).toThrow(/OTHER_KEY/);
    for (const address of [
      "https://evil.example/",
      "https://api.acme.example:444/",
      "https://xeu.acme.example/",
      "http://127.0.0.1/",
      "http://odd.example:8443/",
    ])
      expect(may(granted, undefined, address)).toThrow(/be reached/);
    expect(may({ net: ["*"], secrets: [] }, undefined, "http://127.0.0.1/")).toThrow();
    expect(may({ net: ["loopback"], secrets: [] }, undefined, "http://127.0.0.1:8000/")).not.toThrow();
    expect(() => permitted(undefined, "acme.vendor", undefined, "https://api.acme.example/")).toThrow();
  });
});

describe("the data of a third party", () => {
  const signal = new AbortController().signal;
  const descriptor = {
    title: "Acme",
    api: "openai-chat",
    priority: 1,
    baseUrls: { default: "https://{PLINTH_TEST_SECRET_VALUE}.acme.example/v1" },
    modelEnv: "PLINTH_TEST_SECRET_VALUE",
    auth: [{ kind: "none" as const }],
  };
  const source = (vendor: object, trusted: boolean, granted: readonly string[] = []) => {
    const env = (name: string, whose: string | undefined) => (whose === undefined || granted.includes(name) ? `value-of-${name}` : undefined);
    const apis = { list: async () => [{ id: "openai-chat", extension: "plinth.api-openai-chat" }], get: () => ({ stream: async function* () {} }) };
    const parts = {
      apis,
      now: () => 0,
      env,
      proofs: plainProofs(
        async () => [],
        () => true,
      ),
      lend: async () => "",
      permit() {},
    } as never;
    return new VendorSource({ id: "acme", extension: "acme.vendor", trusted, vendor: { ...descriptor, ...vendor } as never }, {}, parts);
  };
  const ask = async (one: VendorSource) => {
    for await (const _ of one.stream({ model: "m", messages: [] }, signal)) expect.fail("nothing is said");
  };

  it("costs nothing where nobody is paid for its models: at this machine's address, and not for those that run elsewhere", () => {
    const [here, there] = ["http://127.0.0.1:9/v1", "https://models.example/v1"];
    const costs = (url: string, model: string) =>
      unbilledPrice(source({ baseUrls: { default: url }, unbilled: { except: [":cloud"] } }, true), model)?.output;
    expect([costs(here, "small"), costs(here, "large:cloud"), costs(there, "small")]).toEqual([0, undefined, undefined]);
    expect(unbilledPrice(source({ baseUrls: { default: here }, local: true }, true), "small")).toBeUndefined();
  });

  it("reads no variable of the environment but those that it was granted: none comes into an address or a model's name", async () => {
    expect(await source({}, false).status(signal)).toMatchObject({ ready: false, reason: expect.stringContaining("is not set") });
    expect(await source({}, true).status(signal)).not.toMatchObject({ reason: expect.stringContaining("is not set") });
    const granted = source({ baseUrls: { default: "http://127.0.0.1:9/v1" } }, false, ["PLINTH_TEST_SECRET_VALUE"]);
    expect(await granted.status(signal)).toMatchObject({ defaultModel: "value-of-PLINTH_TEST_SECRET_VALUE" });
    expect(await source({ baseUrls: { default: "http://127.0.0.1:9/v1" } }, false).status(signal)).not.toHaveProperty("defaultModel");
  });

  it("asks with its own key only: not with AWS's chain, and with no handle in its headers", async () => {
    const baseUrls = { default: "https://acme.example/v1" };
    await expect(ask(source({ baseUrls, auth: [{ kind: "aws" }] }, false))).rejects.toMatchObject({ code: "PLINTH_PERMISSION" });
    await expect(ask(source({ baseUrls, headers: { x: "{{plinth-secret:OPENAI_API_KEY}}" } }, false))).rejects.toMatchObject({
      code: "PLINTH_PERMISSION",
    });
    await ask(source({ baseUrls, headers: { x: "y" } }, false));
  });
});

describe("an address", () => {
  const local = {
    title: "Ollama",
    local: true,
    baseUrlEnv: "OLLAMA_HOST",
    auth: [],
    priority: 1,
    api: "ollama",
    baseUrls: { default: "http://127.0.0.1:11434/v1" },
  } as never;
  const of = (OLLAMA_HOST?: string) => addressOf(local, { default: "http://127.0.0.1:11434/v1" }, {}, { OLLAMA_HOST });

  it.each([
    [undefined, "http://127.0.0.1:11434/v1", true],
    ["0.0.0.0", "http://127.0.0.1:11434/v1", true],
    ["127.0.0.1:1234", "http://127.0.0.1:1234/v1", false],
    ["http://models.example:80/", "http://models.example/v1", false],
    ["https://models.example/ollama/v1/", "https://models.example/ollama/v1", false],
  ])("of a server to listen on, %s, is %s", (given, baseUrl, own) => {
    expect(of(given)).toMatchObject({ baseUrl, own, set: false });
  });

  it("of a region, or filled in from the environment", () => {
    const vendor = { title: "Acme", api: "x", priority: 1, auth: [] } as never;
    const urls = { default: "https://{ACME_PLACE}.acme.example/v1", eu: "https://eu.acme.example/v1" };
    expect(addressOf(vendor, urls, { region: "eu" }, {})).toMatchObject({ baseUrl: "https://eu.acme.example/v1", own: true, set: false });
    expect(addressOf(vendor, urls, { region: "mars" }, {})).toContain("it has default, eu");
    expect(addressOf(vendor, urls, {}, { ACME_PLACE: "my/place" })).toMatchObject({ baseUrl: "https://my%2Fplace.acme.example/v1", set: true });
    expect(addressOf(vendor, urls, {}, {})).toBe("ACME_PLACE is not set, which is a part of its address.");
  });
});
