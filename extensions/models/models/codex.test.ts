import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ModelVendor } from "@plinth/sdk";
import { codexServer, codexToken, type ModelServer, type TokenServer, tokenServer } from "@plinth/sdk/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import codex from "../../vendors/openai-codex/plinth.json" with { type: "json" };
import api from "../api-openai-responses/index.ts";
import apiManifest from "../api-openai-responses/plinth.json" with { type: "json" };
import { type SignedIn, signedInHouse } from "./signed-in.testing.ts";

const MODEL = "openai-codex/gpt-6.2-sol";
const data = codex.provides[0]!.descriptor as unknown as ModelVendor;
let server: ModelServer;
let openai: TokenServer;
let made: SignedIn;
let home: string;
let account: string;

beforeEach(async () => {
  account = "acc-1";
  home = await mkdtemp(join(tmpdir(), "plinth-codex-"));
  process.env.CODEX_HOME = home;
  server = await codexServer({ models: ["gpt-6.2-sol"] });
  openai = await tokenServer({ accessToken: (seconds) => codexToken({ account, seconds }) });
  const [auth] = data.auth;
  const { authorizeUrl, tokenUrl } = openai;
  // Any free port: another test, or the program itself, may have its own.
  const { port: _, ...redirect } = auth!.redirect!;
  const its = { ...data, baseUrls: { default: `${server.url}/backend-api/codex` }, auth: [{ ...auth!, authorizeUrl, tokenUrl, redirect }] };
  made = await signedInHouse({ vendor: { id: "openai-codex", data: its }, apis: [{ manifest: apiManifest, extension: api }] });
});
afterEach(async () => {
  delete process.env.CODEX_HOME;
  await made.host.close();
  await Promise.all([server.close(), openai.close(), rm(home, { recursive: true })]);
});

/** As the owner's browser does it. @returns where it was sent */
async function signIn(): Promise<URL> {
  let visited: URL | undefined;
  for await (const item of made.credentials.login({ vendor: "openai-codex" })) {
    if (item.type !== "visit") continue;
    visited = new URL(item.url);
    const answer = await fetch(item.url, { redirect: "manual" });
    await fetch(answer.headers.get("location")!.replace("localhost", "127.0.0.1"));
  }
  return visited!;
}
const list = async () => (await made.credentials.list({ vendor: "openai-codex" })).credentials;
const authFile = (value: object) => writeFile(join(home, "auth.json"), JSON.stringify(value));

describe("a ChatGPT subscription", () => {
  it("is signed in at in a browser, as the codex program does it", async () => {
    const url = await signIn();
    expect(Object.fromEntries(url.searchParams)).toMatchObject({
      ...{ response_type: "code", client_id: data.auth[0]!.clientId, code_challenge_method: "S256", originator: "plinth" },
      ...{ scope: "openid profile email offline_access", id_token_add_organizations: "true", codex_cli_simplified_flow: "true" },
      redirect_uri: expect.stringMatching(/^http:\/\/localhost:\d+\/auth\/callback$/),
    });
    expect(openai.grants).toEqual(["authorization_code"]);
    const [credential] = await list();
    expect(credential).toMatchObject({ id: "openai-codex:default", kind: "oauth", reason: "ok" });
    expect(credential.expiresAt, "the token itself says when it ends").toBeGreaterThan(Date.now());
    expect(JSON.stringify(credential)).not.toContain("acc-1");
  });

  it("is asked in the name of its account, with nothing kept, and its thinking goes back in encrypted form", async () => {
    await signIn();
    server.script({ say: [{ reasoning: "Hm.", opaque: "gAAA" }, { text: "Hi." }] });
    const events = await made.ask(MODEL, {
      system: [{ type: "text", text: "Be short." }],
      temperature: 1,
      maxOutputTokens: 9,
      onUnsupported: "drop",
    });
    const { path, headers, body } = server.requests[0]!;
    expect(path).toBe("/backend-api/codex/responses");
    expect(headers).toMatchObject({ "chatgpt-account-id": "acc-1", originator: "plinth", "openai-beta": "responses=experimental" });
    expect(body).toMatchObject({ store: false, stream: true, include: ["reasoning.encrypted_content"], instructions: expect.stringMatching(/./) });
    expect(body!.input[0]).toMatchObject({ role: "developer", content: [{ text: "Be short." }] });
    expect(events.filter(({ type }) => type === "warning").map((event) => (event as { param?: string }).param)).toEqual([
      "maxOutputTokens",
      "temperature",
    ]);
    expect(events).toContainEqual(expect.objectContaining({ type: "end", reason: "stop" }));
    expect((await made.host.use("plinth.models").one().models({ provider: "openai-codex" })).models).toMatchObject([{ id: "gpt-6.2-sol" }]);
  });

  it("is renewed once for twenty, in the name of whichever account the new token has", async () => {
    openai.expiresIn = 1;
    await signIn();
    openai.expiresIn = 3_600;
    account = "acc-2";
    await Promise.all(Array.from({ length: 20 }, () => made.ask(MODEL)));
    expect(openai.grants.filter((grant) => grant === "refresh_token")).toHaveLength(1);
    expect(new Set(server.requests.map(({ headers }) => headers["chatgpt-account-id"]))).toEqual(new Set(["acc-2"]));
  });

  it("that is used up for hours lets another one answer, and rests as long as the server says", async () => {
    await signIn();
    await authFile({ auth_mode: "chatgpt", tokens: { access_token: codexToken({ account: "acc-3" }) } });
    await made.credentials.add({ vendor: "openai-codex", kind: "key", from: { login: "codex" } });
    const error = { type: "usage_limit_reached", message: "The usage limit has been reached", plan_type: "plus", resets_in_seconds: 1_800 };
    server.script({ refuse: { status: 429, body: { error } } }, {});
    await made.ask(`${MODEL}@openai-codex:default`);
    expect(server.requests.map(({ headers }) => headers["chatgpt-account-id"])).toEqual(["acc-1", "acc-3"]);
    const rests = (await list()).find(({ id }: { id: string }) => id === "openai-codex:default");
    expect(rests).toMatchObject({ reason: "cooldown" });
    expect(rests.until - Date.now()).toBeGreaterThan(1_700_000);
  });
});

it("says how one signs in where nobody did", async () => {
  const [auth] = data.auth;
  const its = { ...data, baseUrls: { default: "https://chatgpt.example/backend-api/codex" }, auth: [auth!] };
  const other = await signedInHouse({ vendor: { id: "openai-codex", data: its }, apis: [{ manifest: apiManifest, extension: api }] });
  const status = await other.host.use("plinth.models").one().status({ provider: "openai-codex" });
  await other.host.close();
  expect(status).toMatchObject({ ready: false, configured: false, reason: "Nobody signed in there (plinth models auth login openai-codex)." });
});

describe("what the codex program signed in with", () => {
  it("is read at each use and never copied, in the name of its account, and is the program's to renew", async () => {
    const first = codexToken({ account: "acc-7" });
    await authFile({ OPENAI_API_KEY: null, tokens: { id_token: "x", access_token: first, refresh_token: "rt-of-codex", account_id: "acc-7" } });
    const before = await readFile(join(home, "auth.json"), "utf8");
    const { credential } = await made.credentials.add({ vendor: "openai-codex", kind: "key", from: { login: "codex" } });
    expect(credential).toMatchObject({ id: "openai-codex:codex", kind: "token", from: "sign-in of codex", reason: "ok" });
    await made.ask(MODEL);
    const second = codexToken({ account: "acc-8" });
    await authFile({ tokens: { access_token: second } });
    await made.ask(MODEL);
    expect(server.requests.map(({ headers }) => headers.authorization)).toEqual([`Bearer ${first}`, `Bearer ${second}`]);
    expect(openai.grants).toEqual([]);
    expect(before).toContain("rt-of-codex");
    const state = join(made.host.home, "state");
    for (const name of await readdir(state, { recursive: true })) {
      if (!(await stat(join(state, name))).isFile()) continue;
      const text = await readFile(join(state, name), "latin1");
      for (const value of [first, second, "rt-of-codex"]) expect(text).not.toContain(value);
    }
  });

  it.each([
    ["ended", { tokens: { access_token: codexToken({ seconds: -1 }) } }, "expired"],
    ["is a key alone", { OPENAI_API_KEY: "sk-x" }, "unresolved"],
    ["is none", { tokens: null }, "unresolved"],
  ])("is not used where it %s", async (_what, value, reason) => {
    await authFile(value);
    await made.credentials.add({ vendor: "openai-codex", kind: "key", from: { login: "codex" } });
    expect(await list()).toMatchObject([{ reason }]);
    await expect(made.ask(MODEL)).rejects.toMatchObject({ code: "PLINTH_MODEL_AUTH" });
    // A server of this machine may want no key, and is asked without one.
    expect(server.requests.map(({ headers }) => headers.authorization)).toEqual([undefined]);
  });
});
