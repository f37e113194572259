import { createTestHost, type TestHost } from "@plinth/sdk/testing";
import { afterEach, describe, expect, it } from "vitest";
import extension from "./index.ts";
import manifest from "./plinth.json" with { type: "json" };

const hosts: TestHost[] = [];
afterEach(async () => {
  for (const host of hosts.splice(0)) await host.close();
});

const heard: string[] = [];
/** Says whom it heard as. */
const spy = (as: string): any => ({
  status: () => ({ ready: true, defaultModel: "m" }),
  models: () => ({ models: [{ id: "m" }] }),
  voices: () => ({ voices: [] }),
  async *speak() {
    heard.push(as);
    yield { type: "start", mimeType: "audio/mpeg", format: "mp3" };
    yield { type: "audio", base64: "SUQz" };
    yield { type: "end" };
  },
  async *generate() {
    heard.push(as);
    yield { type: "end", reason: "done" };
  },
  async *stream() {
    heard.push(as);
    yield { type: "text", delta: as };
    yield { type: "end", reason: "stop" };
  },
  countTokens: () => ({ inputTokens: 1 }),
});

const party = (id: string, trusted: boolean, provides: object[], code: Record<string, [string, any]> = {}) => ({
  trusted,
  manifest: { id, version: "1.0.0", title: id, description: "", engines: { plinth: "*" }, provides },
  extension: {
    activate(ctx: any) {
      for (const [contract, [name, provider]] of Object.entries(code)) ctx.provide(contract, name, provider);
    },
  },
});
const provided = (contract: string, id: string, descriptor: object) => ({ contract, version: "1.0.0", id, descriptor });
const vendor = (id: string, more: object = {}) =>
  provided("plinth.model-vendor", id, {
    ...{ title: id, api: "wire", priority: 10, baseUrls: { default: "https://api.acme.example" }, defaultModel: "m", auth: [{ kind: "none" }] },
    ...{ apis: { "plinth.speech": { api: "wire", models: [{ id: "m" }] } }, ...more },
  });

/** The code of a protocol, the product's. */
const wire = party(
  "plinth.wire",
  true,
  [
    provided("plinth.model-api", "wire", { title: "Wire" }),
    provided("plinth.speech", "wire", { title: "Wire", priority: 1, api: true }),
    provided("plinth.video-generation", "wire", { title: "Wire", priority: 1, api: true }),
  ],
  {
    "plinth.model-api": ["wire", spy("the vendor")],
    "plinth.speech": ["wire", spy("the vendor")],
    "plinth.video-generation": ["wire", spy("the vendor")],
  },
);

async function house(parties: object[], grants = new Map<string, object>()): Promise<TestHost> {
  heard.length = 0;
  const host = await createTestHost({
    extensions: [{ manifest, extension }, wire, ...parties] as never,
    provide: [
      {
        contract: "plinth.kernel",
        descriptor: { title: "Scripted" },
        provider: { snapshot: () => ({ generation: 1, config: { version: 1 }, grants, secretExists: async () => false }) } as never,
      },
    ],
  });
  hosts.push(host);
  return host;
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

describe("a name of the product's", () => {
  const ours = party("plinth.acme", true, [vendor("acme")], { "plinth.model-vendor": ["acme", {}] });

  it("is no other publisher's, whatever that one provides and though it was chosen", async () => {
    const theirs = party(
      "other.party",
      false,
      [provided("plinth.speech", "acme", { title: "acme", priority: 1 }), provided("plinth.model-provider", "acme", { title: "acme", priority: 1 })],
      { "plinth.speech": ["acme", spy("a stranger")], "plinth.model-provider": ["acme", spy("a stranger")] },
    );
    const host = await house([ours, theirs]);
    await all(
      host
        .use("plinth.speech")
        .get("models")
        .speak({ model: "acme/m", lines: [{ text: "Private.", voice: "v" }] }),
    );
    const messages = [{ role: "user" as const, content: [{ type: "text" as const, text: "Private." }] }];
    await all(host.use("plinth.models").one().stream({ model: "acme/m", messages }));
    expect(heard).toEqual(["the vendor", "the vendor"]);
    expect((await host.use("plinth.models").one().sources({})).sources.map(({ id, extension }) => [id, extension])).toEqual([
      ["acme", "plinth.acme"],
    ]);
  });

  it("stays the product's where its vendor has nothing for that purpose", async () => {
    const silent = party("plinth.acme", true, [vendor("acme", { apis: {} })], { "plinth.model-vendor": ["acme", {}] });
    const theirs = party("other.party", false, [provided("plinth.speech", "acme", { title: "acme", priority: 1 })], {
      "plinth.speech": ["acme", spy("a stranger")],
    });
    const host = await house([silent, theirs]);
    await expect(
      all(
        host
          .use("plinth.speech")
          .get("models")
          .speak({ model: "acme/m", lines: [{ text: "Private.", voice: "v" }] }),
      ),
    ).rejects.toMatchObject({ code: "PLINTH_MODEL_UNKNOWN" });
    expect(heard).toEqual([]);
  });
});

describe("the hosts on which a server's results lie", () => {
  const apis = (quirks: object) => ({ "plinth.video-generation": { api: "wire", models: [{ id: "m" }], quirks } });
  const filmed = async (trusted: boolean, quirks: object, net: string[]) => {
    const theirs = party("other.party", trusted, [vendor("acme", { apis: apis(quirks) })], { "plinth.model-vendor": ["acme", {}] });
    const host = await house([theirs], new Map([["other.party", { permissions: { net } }]]));
    return all(host.use("plinth.video-generation").get("models").generate({ model: "acme/m", prompt: "A stone." }));
  };

  it.each([
    [{ hosts: ["internal.example"] }],
    [{ resultHosts: ["*.acme.example"] }],
    [{ hosts: ["127.0.0.1"] }],
    [{ hosts: ["https://169.254.169.254"] }],
    [{ hosts: [""] }],
  ])("are those that another publisher was granted to reach, and not %j", async (quirks) => {
    await expect(filmed(false, quirks, ["api.acme.example"])).rejects.toMatchObject({ code: "PLINTH_PERMISSION", extension: "other.party" });
    expect(heard).toEqual([]);
  });

  it("may be any that it was granted, and those of the product's data", async () => {
    const quirks = { hosts: ["cdn.acme.example", "*.files.example"] };
    expect(await filmed(false, quirks, ["api.acme.example", "cdn.acme.example", "*.files.example"])).toHaveLength(1);
    expect(await filmed(true, quirks, [])).toHaveLength(1);
  });
});
