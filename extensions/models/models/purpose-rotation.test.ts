import { PlinthError } from "@plinth/sdk";
import { createTestHost, type OpenaiMediaServer, openaiMediaServer, type TestHost } from "@plinth/sdk/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import api from "../api-openai-media/index.ts";
import apiManifest from "../api-openai-media/plinth.json" with { type: "json" };
import credentials from "../credentials/index.ts";
import credentialsManifest from "../credentials/plinth.json" with { type: "json" };
import extension from "./index.ts";
import manifest from "./plinth.json" with { type: "json" };

const KEYS = { A_KEY: "sk-of-a", B_KEY: "sk-of-b" };
const OWNER = { role: "owner", via: "test" } as const;
const QUOTA = "You exceeded your current quota, please check your plan and billing details";

let server: OpenaiMediaServer;
let host: TestHost;
let record: { asked: unknown[]; settled: unknown[] };
/** A studio's answers, one a call: who asked with which key, in whose voice. */
let studio: (key: string) => AsyncIterable<object>;
const followed: string[] = [];

beforeEach(async () => {
  server = await openaiMediaServer();
  record = { asked: [], settled: [] };
  followed.length = 0;
  const model = (id: string) => ({ api: "openai", models: [{ id }], defaultModel: id });
  const keys = Object.keys(KEYS).map((secret) => ({ kind: "key", secret }));
  host = await createTestHost({
    principal: OWNER,
    extensions: [
      { manifest, extension },
      { manifest: credentialsManifest, extension: credentials },
      { manifest: apiManifest, extension: api, secrets: { LENT_A_KEY: KEYS.A_KEY, LENT_B_KEY: KEYS.B_KEY } },
      {
        manifest: {
          ...{ id: "test.acme", version: "1.0.0", title: "acme", description: "", engines: { plinth: "*" } },
          provides: [
            {
              ...{ contract: "plinth.model-vendor", version: "1.0.0", id: "acme" },
              descriptor: {
                ...{ title: "acme", api: "openai-chat", priority: 1, baseUrls: { default: `${server.url}/v1` }, auth: keys },
                apis: {
                  "plinth.embedding": model("text-embedding-3-small"),
                  "plinth.speech": { ...model("tts-1"), voices: [{ id: "nova", title: "Nova" }] },
                  "plinth.transcription": model("whisper-1"),
                  "plinth.image-generation": model("gpt-image-1"),
                  "plinth.video-generation": { api: "studio", models: [{ id: "film" }] },
                },
              },
            },
          ],
        },
      },
    ],
    provide: [
      {
        contract: "plinth.video-generation",
        id: "studio",
        descriptor: { title: "Studio", priority: 10, api: true },
        provider: {
          status: () => ({ ready: true }),
          models: () => ({ models: [] }),
          generate: ({ endpoint }: { endpoint: { headers: Record<string, string> } }) => studio(endpoint.headers.authorization ?? ""),
          async *resume({ endpoint, job }: { job: string; endpoint: { headers: Record<string, string> } }) {
            followed.push(endpoint.headers.authorization ?? "");
            if (endpoint.headers.authorization?.includes("A_KEY")) throw new PlinthError("PLINTH_MODEL_JOB", "There is no such work.");
            yield { type: "job", job };
            yield { type: "end", reason: "done" };
          },
        },
      },
      {
        contract: "plinth.usage",
        descriptor: { title: "Scripted" },
        provider: {
          async *admit(asked: object) {
            record.asked.push(asked);
            yield { type: "admitted", call: `${record.asked.length}` };
          },
          settle(what: object) {
            record.settled.push(what);
            return {};
          },
        } as never,
      },
      {
        contract: "plinth.kernel",
        descriptor: { title: "Scripted" },
        provider: {
          snapshot: () => ({
            ...{ generation: 1, config: { version: 1, extensions: {} }, grants: new Map() },
            secretExists: async (name: string) => Object.hasOwn(KEYS, name),
          }),
        } as never,
      },
      {
        contract: "plinth.secret-source",
        descriptor: { title: "Scripted" },
        provider: { resolve: () => null, lend: ({ name }: { name: string }) => ({ name: `LENT_${name}` }) } as never,
      },
    ],
  });
});
afterEach(async () => {
  await host.close();
  await server.close();
});

const text = [[{ type: "text" as const, text: "a stone" }]];
const sound = { type: "audio" as const, mimeType: "audio/wav", base64: "UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQAAAAA=" };
/** Each purpose, asked once; the types of what came. */
const PURPOSES: Readonly<Record<string, () => Promise<string[]>>> = {
  embedding: async () => [(await host.use("plinth.embedding").get("models").embed({ inputs: text })).model],
  speech: () =>
    typesOf(
      host
        .use("plinth.speech")
        .get("models")
        .speak({ lines: [{ text: "Hello." }] }),
    ),
  transcription: () =>
    typesOf(
      host
        .use("plinth.transcription")
        .get("models")
        .transcribe({ audio: sound } as never),
    ),
  "image-generation": () => typesOf(host.use("plinth.image-generation").get("models").generate({ prompt: "a stone" })),
};

async function typesOf(items: AsyncIterable<{ type: string }>): Promise<string[]> {
  const types: string[] = [];
  for await (const { type } of items) types.push(type);
  return types;
}

const asked = () => server.requests.map(({ headers }) => headers.authorization?.replace("Bearer ", ""));
const refused = (status: number, message: string) => ({ status, body: { error: { message } } });
const states = async () =>
  Object.fromEntries((await host.use("plinth.credentials").one().list({ vendor: "acme" })).credentials.map(({ id, reason }) => [id, reason]));

describe.each(Object.keys(PURPOSES))("%s with several keys", (purpose) => {
  const ask = PURPOSES[purpose] as () => Promise<string[]>;

  it.each([
    [401, "Incorrect API key provided", "disabled"],
    [402, "Insufficient balance", "disabled"],
    [429, QUOTA, "cooldown"],
  ])("is asked for with the next one after %i, in the same call, and the first one rests", async (status, message, reason) => {
    server.script(refused(status, message));
    const came = await ask();
    expect(came.length).toBeGreaterThan(0);
    expect(came).not.toContain("again");
    expect(asked()).toEqual([KEYS.A_KEY, KEYS.B_KEY]);
    expect(await states()).toEqual({ "acme:A_KEY": reason, "acme:B_KEY": "ok" });
    expect(host.log).toContainEqual(expect.objectContaining({ message: "another credential is used" }));
    expect(JSON.stringify(host.log)).not.toMatch(/sk-of/);
    await ask();
    expect(asked().slice(2)).toEqual([KEYS.B_KEY]);
  });

  it("is on record once, however many keys were tried, and a failure as one", async () => {
    server.script(refused(401, "no"));
    await ask();
    expect(record.asked).toEqual([expect.objectContaining({ provider: "acme", purpose })]);
    expect(record.settled).toEqual([expect.objectContaining({ call: "1", status: "ok" })]);
    server.script(refused(400, "no"));
    await expect(ask()).rejects.toMatchObject({ code: "PLINTH_MODEL_REQUEST" });
    expect(record.settled.slice(1)).toEqual([expect.objectContaining({ call: "2", status: "error" })]);
    expect(await states(), "what is asked wrongly says nothing of the key").toEqual({ "acme:A_KEY": "disabled", "acme:B_KEY": "ok" });
  });
});

it("a key is named with the model for other purposes too, and a session stays with its own", async () => {
  const embed = (model?: string) =>
    host
      .use("plinth.embedding")
      .get("models")
      .embed({ inputs: text, ...(model === undefined ? {} : { model }) });
  expect((await embed("acme/text-embedding-3-small@acme:B_KEY")).model).toBe("acme/text-embedding-3-small");
  await host.as({ ...OWNER, scope: { session: "s", agent: "main" } }, async () => {
    await embed();
    await embed();
  });
  expect(asked()).toEqual([KEYS.B_KEY, KEYS.A_KEY, KEYS.A_KEY]);
  await expect(embed("acme/auto@acme:gone")).rejects.toMatchObject({ code: "PLINTH_CREDENTIAL_UNKNOWN" });
});

it("a rate is of one model, and the key is used for others meanwhile", async () => {
  server.script(refused(429, "Rate limit reached"));
  await PURPOSES.embedding!();
  await PURPOSES.embedding!();
  await PURPOSES.speech!();
  expect(asked()).toEqual([KEYS.A_KEY, KEYS.B_KEY, KEYS.B_KEY, KEYS.A_KEY]);
  expect(await states()).toEqual({ "acme:A_KEY": "ok", "acme:B_KEY": "ok" });
});

describe("work that takes its time", () => {
  const film = (input: object = {}) =>
    host
      .use("plinth.video-generation")
      .get("models")
      .generate({ prompt: "a stone", model: "acme/film", ...input }) as AsyncIterable<{ type: string; job?: string }>;

  it("is not begun anew with another key once it was begun", async () => {
    const keys: string[] = [];
    studio = async function* (key) {
      keys.push(key);
      yield { type: "job", job: "j" };
      throw new PlinthError("PLINTH_MODEL_QUOTA", "used up");
    };
    const came: unknown[] = [];
    await expect(
      (async () => {
        for await (const item of film()) came.push(item);
      })(),
    ).rejects.toMatchObject({ code: "PLINTH_MODEL_QUOTA" });
    expect([came, keys]).toEqual([[{ type: "job", job: "acme/j" }], [expect.stringContaining("A_KEY")]]);
    expect(await states()).toEqual({ "acme:A_KEY": "cooldown", "acme:B_KEY": "ok" });
  });

  it("is followed with the account that has it", async () => {
    const items = host.use("plinth.video-generation").get("models").resume({ job: "acme/j" });
    expect(await typesOf(items)).toEqual(["job", "end"]);
    expect(followed).toEqual([expect.stringContaining("A_KEY"), expect.stringContaining("B_KEY")]);
    expect(await states()).toEqual({ "acme:A_KEY": "ok", "acme:B_KEY": "ok" });
  });
});
