import type { ModelVendor } from "@plinth/sdk";
import { type ModelServer, openaiChatServer } from "@plinth/sdk/testing";
import { afterEach, beforeEach, expect, it } from "vitest";
import api from "../api-openai-chat/index.ts";
import apiManifest from "../api-openai-chat/plinth.json" with { type: "json" };
import { type SignedIn, signedInHouse } from "./signed-in.testing.ts";

let server: ModelServer;
let made: SignedIn;
let stranger: any;

beforeEach(async () => {
  server = await openaiChatServer();
  const data: ModelVendor = {
    ...{ title: "Acme", api: "openai-chat", priority: 1, baseUrls: { default: `${server.url}/v1` }, defaultModel: "m" },
    auth: [{ kind: "key", secret: "PRIVATE_NAME_KEY" }],
  };
  const uses = ["plinth.models", "plinth.credentials", "plinth.secret-source"].map((contract) => ({ contract, range: "^1" }));
  const provides = [{ contract: "plinth.service", version: "1.0.0", id: "stranger", descriptor: { title: "Stranger" } }];
  made = await signedInHouse({
    vendor: { id: "ac-me", data },
    apis: [{ manifest: apiManifest, extension: api }],
    secrets: { PRIVATE_NAME_KEY: "sk-of-private", SECOND_KEY: "sk-of-second" },
    others: [
      {
        trusted: false,
        manifest: { id: "other.party", version: "1.0.0", title: "Other", description: "", engines: { plinth: "*" }, uses, provides },
        extension: {
          activate(ctx: any) {
            stranger = ctx;
            ctx.provide("plinth.service", "stranger", { start: () => ({}), stop: () => ({}) });
          },
        },
      } as never,
    ],
  });
  await made.credentials.add({ vendor: "ac-me", kind: "key", from: { secret: "SECOND_KEY" }, id: "ac-me:alice@work.example" });
  await made.host.use("plinth.service").get("stranger").start({});
});
afterEach(async () => {
  await made.host.close();
  await server.close();
});

const refused = { refuse: { status: 401, body: { error: { message: "no" } } } };
const NAMES = /PRIVATE_NAME_KEY|alice/;

async function asStranger(): Promise<{ events: unknown[]; error?: unknown }> {
  const events: unknown[] = [];
  const messages = [{ role: "user", content: [{ type: "text", text: "hi" }] }];
  try {
    for await (const event of stranger
      .use("plinth.models")
      .one()
      .stream({ model: "ac-me/m", messages, retries: 0 } as never))
      events.push(event);
    return { events };
  } catch (error) {
    return { events, error };
  }
}

it("another publisher's extension is answered with the next key as well, and hears of none by name", async () => {
  server.script(refused, { say: [{ text: "Hi." }] });
  const { events } = await asStranger();
  expect(events).toContainEqual(
    expect.objectContaining({ type: "again", message: expect.stringMatching(/^a credential is used, because a credential failed/) }),
  );
  expect(events).toContainEqual(expect.objectContaining({ type: "end" }));
  expect(JSON.stringify(events)).not.toMatch(NAMES);
  server.script(refused);
  expect(JSON.stringify(await made.ask("ac-me/m").catch((thrown: unknown) => thrown)), "the product's own hear it").not.toBe("");
});

it("another publisher's extension neither lists, chooses, reports on nor changes them, and is lent and held nothing", async () => {
  const credentials = stranger.use("plinth.credentials").one() as any;
  const secrets = stranger.use("plinth.secret-source").one() as any;
  const asked = { vendor: "ac-me" };
  const id = "ac-me:alice@work.example";
  for (const attempt of [
    () => credentials.list(asked),
    () => credentials.list({}),
    () => credentials.choose(asked),
    () => credentials.refresh({ id }),
    () => credentials.report({ id, outcome: "auth" }),
    () => credentials.add({ ...asked, kind: "key", from: { command: ["sh", "-c", "id"] } }),
    () => credentials.order({ ...asked, ids: [] }),
    () => credentials.remove({ id }),
    () => credentials.login(asked)[Symbol.asyncIterator]().next(),
  ])
    await expect(attempt()).rejects.toMatchObject({ code: "PLINTH_PERMISSION" });
  expect(typeof secrets.lend).toBe("function");
  const error = await stranger
    .use("plinth.models")
    .one()
    .countTokens({ model: `ac-me/m@${id}`, messages: [] } as never)
    .catch((thrown: unknown) => thrown);
  expect(JSON.stringify(error)).not.toMatch(/PRIVATE_NAME_KEY/);
});

it("another publisher's extension hears why a vendor cannot answer, and not whose key it is", async () => {
  await made.credentials.order({ vendor: "ac-me", ids: ["ac-me:alice@work.example"] });
  await made.credentials.add({ vendor: "ac-me", kind: "key", from: { secret: "SECOND_KEY" }, id: "ac-me:alice@work.example", expiresAt: 1 });
  const status = await stranger
    .use("plinth.models")
    .one()
    .status({ provider: "ac-me" } as never);
  expect(JSON.stringify(status)).not.toMatch(NAMES);
  const own = await made.host.use("plinth.models").one().status({ provider: "ac-me" });
  expect(own.ready || /alice/.test(own.reason ?? "")).toBe(true);
  expect(JSON.stringify((await asStranger()).error ?? "")).not.toMatch(NAMES);
});
