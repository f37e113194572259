import type { ModelsEvent } from "@plinth/sdk";
import { createTestHost, type ModelServer, openaiChatServer, type TestHost, type TokenServer, tokenServer } from "@plinth/sdk/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import api from "../api-openai-chat/index.ts";
import apiManifest from "../api-openai-chat/plinth.json" with { type: "json" };
import credentials from "../credentials/index.ts";
import credentialsManifest from "../credentials/plinth.json" with { type: "json" };
import extension from "./index.ts";
import manifest from "./plinth.json" with { type: "json" };
import { askerOf } from "./proofs.ts";

const KEYS = { A_KEY: "sk-of-a", B_KEY: "sk-of-b", O_KEY: "sk-of-other" };
const OWNER = { role: "owner", via: "test" } as const;

let server: ModelServer;
let other: ModelServer;
let tokens: TokenServer;
let host: TestHost;
const held = new Map<string, string>();
let secrets: string[];

beforeEach(async () => {
  [server, other, tokens] = await Promise.all([openaiChatServer({ models: ["m"] }), openaiChatServer(), tokenServer({ expiresIn: 1 })]);
  secrets = Object.keys(KEYS);
  held.clear();
  const vendor = (id: string, url: string, auth: object[]) => ({
    manifest: {
      ...{ id: `test.${id}`, version: "1.0.0", title: id, description: "", engines: { plinth: "*" } },
      provides: [
        {
          ...{ contract: "plinth.model-vendor", version: "1.0.0", id },
          descriptor: { title: id, api: "openai-chat", priority: 1, baseUrls: { default: `${url}/v1` }, auth, defaultModel: "m" },
        },
      ],
    },
  });
  const { deviceUrl, tokenUrl } = tokens;
  // What the host puts in the place of a handle, also where that changes.
  const values: Record<string, string> = new Proxy({} as Record<string, string>, {
    get: (_target, name) => (typeof name === "string" ? (held.get(name) ?? (KEYS as Record<string, string>)[name.replace("LENT_", "")]) : undefined),
    has: (_target, name) => typeof name === "string" && name.startsWith("LENT_"),
    getOwnPropertyDescriptor: (target, name) => ({ value: Reflect.get(values, name, target), configurable: true, enumerable: true, writable: true }),
  });
  host = await createTestHost({
    principal: OWNER,
    extensions: [
      { manifest, extension },
      { manifest: credentialsManifest, extension: credentials },
      { manifest: apiManifest, extension: api, secrets: values },
      vendor("acme", server.url, [
        { kind: "key", secret: "A_KEY" },
        { kind: "key", secret: "B_KEY" },
        { kind: "oauth", deviceUrl, tokenUrl, clientId: "plinth", headers: { "x-signed": "in" } },
      ]),
      vendor("other", other.url, [{ kind: "key", secret: "O_KEY" }]),
    ],
    provide: [
      {
        contract: "plinth.kernel",
        descriptor: { title: "Scripted" },
        provider: {
          snapshot: () => ({
            ...{ generation: 1, config: { version: 1, extensions: {} }, grants: new Map([["test.acme", { permissions: { net: ["loopback"] } }]]) },
            secretExists: async (name: string) => secrets.includes(name),
          }),
        } as never,
      },
      {
        contract: "plinth.secret-source",
        descriptor: { title: "Scripted" },
        provider: {
          resolve: () => null,
          lend: ({ name }: { name: string }) => ({ name: `LENT_${name}` }),
          hold({ value }: { value: string }) {
            held.set("LENT_HELD", value);
            return { name: "HELD" };
          },
        } as never,
      },
    ],
  });
});
afterEach(async () => {
  await host.close();
  await Promise.all([server.close(), other.close(), tokens.close()]);
});

const refuse = (status: number, message: string) => ({ refuse: { status, body: { error: { message } } } });
const asked = (one = server) => one.requests.map(({ headers }) => headers.authorization?.replace("Bearer ", ""));
async function ask(model = "acme/m", more: object = {}): Promise<ModelsEvent[]> {
  const events: ModelsEvent[] = [];
  const messages = [{ role: "user" as const, content: [{ type: "text" as const, text: "hi" }] }];
  for await (const event of host
    .use("plinth.models")
    .one()
    .stream({ model, messages, retryBaseMs: 1, ...more }))
    events.push(event);
  return events;
}
const all = async () => (await host.use("plinth.credentials").one().list({ vendor: "acme" })).credentials;

describe("a vendor with several keys", () => {
  it.each([
    [401, "Incorrect API key provided", "disabled"],
    [402, "Insufficient balance", "disabled"],
    [429, "You exceeded your current quota, please check your plan and billing details", "cooldown"],
  ])("is asked with the next one where it answers %i, in the same turn, and the first one rests", async (status, message, reason) => {
    server.script(refuse(status, message), {});
    const events = await ask();
    expect(asked()).toEqual([KEYS.A_KEY, KEYS.B_KEY]);
    expect(events).toContainEqual({
      type: "again",
      code: expect.stringMatching(/^PLINTH_MODEL_/),
      afterMs: 0,
      message: expect.stringMatching(/^acme:B_KEY is used, because acme:A_KEY failed/),
    });
    expect(JSON.stringify(events)).not.toMatch(/sk-of/);
    expect((await all()).map(({ id, reason }) => [id, reason])).toEqual([
      ["acme:B_KEY", "ok"],
      ["acme:A_KEY", reason],
    ]);
    await ask();
    expect(asked().slice(2)).toEqual([KEYS.B_KEY]);
  });

  it("goes on to another model when all of them failed", async () => {
    server.script(refuse(401, "no"));
    const events = await ask("acme/m", { fallbacks: ["other/m"] });
    expect([asked(), asked(other)]).toEqual([[KEYS.A_KEY, KEYS.B_KEY], [KEYS.O_KEY]]);
    expect(events).toContainEqual(expect.objectContaining({ type: "model", name: "other/m" }));
  });

  it("stays with one for a session, and is asked with the one that is named with the model", async () => {
    await ask("acme/m", { sessionKey: "s" });
    await ask("acme/m", { sessionKey: "s" });
    expect(asked(), "the one that was used last would rest otherwise").toEqual([KEYS.A_KEY, KEYS.A_KEY]);
    await ask("acme/m@acme:B_KEY", { sessionKey: "s" });
    await ask("acme/m", { sessionKey: "s" });
    expect(asked().slice(2)).toEqual([KEYS.B_KEY, KEYS.A_KEY]);
    expect(server.requests.map(({ body }) => body!.model)).toEqual(["m", "m", "m", "m"]);
    await expect(ask("acme/m@acme:gone")).rejects.toMatchObject({ code: "PLINTH_CREDENTIAL_UNKNOWN" });
  });

  it("takes its turn with each where there is no session", async () => {
    for (let times = 0; times < 4; times++) await ask();
    expect(new Set(asked())).toEqual(new Set([KEYS.A_KEY, KEYS.B_KEY]));
  });
});

it("another publisher's extension is answered for nobody in particular, and names no credential", () => {
  const asked = { agent: "private", sessionKey: "s" };
  expect(askerOf(["acme/m"], asked, "plinth.native")).toEqual(asked);
  expect(askerOf(["acme/m"], asked, "acme.other")).toEqual({});
  expect(() => askerOf(["acme/m", "acme/m@acme:B_KEY"], asked, "acme.other")).toThrow(/may not steer/);
});

it("a credential that is named with a model is not used where a third party may have chosen the model", async () => {
  await host.as(OWNER, async () => {
    await ask("acme/m@acme:B_KEY");
    host.lower("acme.other", "changed turn.prepare");
    await ask("acme/m@acme:B_KEY");
  });
  expect(asked()).toEqual([KEYS.B_KEY, KEYS.A_KEY]);
  expect(server.requests.map(({ body }) => body!.model)).toEqual(["m", "m"]);
});

describe("a vendor with one key", () => {
  it("is asked again with it after a moment, and stays set up while the key rests", async () => {
    secrets = ["A_KEY"];
    server.script(refuse(429, "Rate limit reached"), {});
    await ask();
    expect(asked()).toEqual([KEYS.A_KEY, KEYS.A_KEY]);
    server.script(refuse(401, "no"));
    await expect(ask()).rejects.toMatchObject({
      code: "PLINTH_MODEL_AUTH",
      // Where it stands which key it was, and not which.
      next: expect.stringMatching(/^(?!.*A_KEY).*plinth models auth list acme shows which one was used/),
    });
    expect(await host.use("plinth.models").one().status({ provider: "acme" })).toMatchObject({ ready: true, configured: true });
    server.script({});
    await ask();
    expect((await all())[0]).toMatchObject({ id: "acme:A_KEY", reason: "ok" });
  });
});

it("a sign-in is renewed before it is sent, once for all that ask, and never seen", async () => {
  secrets = [];
  for await (const item of host.use("plinth.credentials").one().login({ vendor: "acme" })) void item;
  tokens.expiresIn = 3_600;
  const events = await Promise.all(Array.from({ length: 20 }, () => ask()));
  expect(tokens.grants.filter((grant) => grant === "refresh_token")).toHaveLength(1);
  expect(new Set(asked())).toEqual(new Set([tokens.values.at(-2)]));
  expect(server.requests[0]!.headers["x-signed"]).toBe("in");
  for (const value of tokens.values) expect(JSON.stringify([events, host.log])).not.toContain(value);
});
