import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { ModelVendor } from "@plinth/sdk";
import { type CopilotTokens, copilotTokens, type ModelServer, openaiChatServer } from "@plinth/sdk/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import copilot from "../../vendors/github-copilot/plinth.json" with { type: "json" };
import api from "../api-openai-chat/index.ts";
import apiManifest from "../api-openai-chat/plinth.json" with { type: "json" };
import { type SignedIn, signedInHouse } from "./signed-in.testing.ts";

const MODEL = "github-copilot/kimi-k3";
const data = copilot.provides[0]!.descriptor as unknown as ModelVendor;
let github: CopilotTokens;
/** Where Copilot's models are by its data, and by what GitHub says. */
let general: ModelServer;
let business: ModelServer;
let open: SignedIn[] = [];

beforeEach(async () => {
  [general, business] = await Promise.all([openaiChatServer(), openaiChatServer()]);
  github = await copilotTokens({ api: business.url, clientId: data.auth[1]!.clientId! });
});
afterEach(async () => {
  for (const { host } of open) await host.close();
  open = [];
  await Promise.all([github.close(), general.close(), business.close()]);
});

/** The vendor's own data, at servers of this machine. */
const atHome = (hosts = ["loopback"]): ModelVendor => ({
  ...data,
  baseUrls: { default: general.url },
  auth: data.auth.map((one) => ({
    ...one,
    ...(one.kind === "oauth" ? { deviceUrl: github.deviceUrl, tokenUrl: github.tokenUrl } : {}),
    exchange: { ...one.exchange!, url: github.exchangeUrl, hosts },
  })),
});

async function house(
  options: { secrets?: Record<string, string>; data?: ModelVendor; trusted?: boolean; granted?: string[] } = {},
): Promise<SignedIn> {
  const { data: its = atHome(), trusted = true, granted, ...more } = options;
  const vendor = { id: "github-copilot", data: its, trusted, ...(trusted ? {} : { extension: "acme.copilot" }), ...(granted ? { granted } : {}) };
  const made = await signedInHouse({ vendor, apis: [{ manifest: apiManifest, extension: api }], ...more });
  open.push(made);
  return made;
}

async function signIn({ credentials }: SignedIn): Promise<any> {
  let visit: unknown;
  for await (const item of credentials.login({ vendor: "github-copilot" })) if (item.type === "visit") visit = item;
  return visit;
}

const bearer = (server: ModelServer) => server.requests.map(({ headers }) => headers.authorization?.replace("Bearer ", ""));

describe("GitHub Copilot", () => {
  it("is signed in at by a code, and asked with a short-lived token at the address that comes with it", async () => {
    const made = await house();
    expect(await signIn(made)).toMatchObject({ url: `${github.url}/login/device`, code: "ABCD-EFGH" });
    expect(await made.credentials.list({ vendor: "github-copilot" })).toMatchObject({
      credentials: [{ id: "github-copilot:default", reason: "ok" }, { reason: "missing" }],
    });
    expect(github.exchanges(), "a list asks nobody").toBe(0);
    await made.ask(MODEL);
    await made.ask(MODEL);
    expect(github.exchanges()).toBe(1);
    expect(bearer(business)).toEqual([...github.short, ...github.short]);
    expect(general.requests).toEqual([]);
    const [exchange] = github.requests.filter(({ method }) => method === "GET");
    expect(exchange!.headers).toMatchObject({ authorization: `token ${[...github.long][0]}`, "editor-version": expect.stringMatching(/^Plinth\//) });
    expect(business.requests[0]!.headers).toMatchObject({ "copilot-integration-id": "vscode-chat", "x-initiator": "user" });
    expect(business.requests[0]!.headers).not.toHaveProperty("copilot-vision-request");
  });

  it("is sent the long-lived token by nobody, whichever it is", async () => {
    const long = "gho_of-the-environment-0123456789";
    github.long.add(long);
    const made = await house({ secrets: { COPILOT_GITHUB_TOKEN: long } });
    await made.ask(MODEL);
    await signIn(made);
    await made.ask(`${MODEL}@github-copilot:default`);
    await made.host.use("plinth.models").one().models({ provider: "github-copilot" });
    expect(business.requests.length).toBeGreaterThan(2);
    for (const one of [general, business])
      for (const value of github.long) expect(JSON.stringify(one.requests.map(({ headers, body }) => [headers, body]))).not.toContain(value);
    const toModels = made.loans.filter(({ origin }) => origin !== github.url);
    expect(toModels.every(({ name }) => name.endsWith(" exchanged"))).toBe(true);
    expect(made.loans.filter(({ origin }) => origin === github.url).map(({ to }) => to)).toEqual(["plinth.credentials", "plinth.credentials"]);
  });

  it("counts what follows a tool as the agent's, and says that pictures come", async () => {
    const made = await house();
    await signIn(made);
    const call = { type: "tool-call" as const, id: "c", name: "look", args: {} };
    const picture = { type: "image" as const, mimeType: "image/png", base64: "AAAA" };
    const messages = [
      { role: "user", content: [{ type: "text", text: "look" }] },
      { role: "assistant", content: [call] },
      { role: "tool", content: [{ type: "tool-result", callId: "c", name: "look", content: [picture] }] },
    ];
    await made.ask(MODEL, { messages, onUnsupported: "drop" });
    expect(business.requests[0]!.headers).toMatchObject({ "x-initiator": "agent", "copilot-vision-request": "true" });
  });

  it("is asked for a new token before the old one ends, once for twenty", async () => {
    const made = await house();
    await signIn(made);
    github.expiresIn = 30;
    github.delayMs = 20;
    await made.ask(MODEL);
    github.expiresIn = 1_500;
    await Promise.all(Array.from({ length: 20 }, () => made.ask(MODEL)));
    expect(github.exchanges()).toBe(2);
    expect(new Set(bearer(business).slice(1))).toEqual(new Set([[...github.short][1]]));
    const folder = join(made.host.home, "state/plinth.credentials/exchanged");
    for (const name of readdirSync(folder).filter((name) => name.endsWith(".json"))) {
      expect(statSync(join(folder, name)).mode & 0o777).toBe(0o600);
      for (const value of github.long) expect(readFileSync(join(folder, name), "utf8")).not.toContain(value);
    }
  });

  it.each([
    [401, "PLINTH_MODEL_AUTH", "disabled"],
    [403, "PLINTH_MODEL_AUTH", "disabled"],
    [429, "PLINTH_MODEL_RATE", "ok"],
    [500, "PLINTH_MODEL_SERVER", "ok"],
  ])("that answers an exchange with %i is one that cannot be asked now, and the next one is", async (status, code, reason) => {
    const made = await house({ secrets: { COPILOT_GITHUB_TOKEN: "gho_x" } });
    await signIn(made);
    github.refuse = { status, body: { message: "no", error_details: { message: "secret-words" } } };
    const failed = await made.ask(MODEL).catch((thrown: unknown) => thrown);
    expect(failed).toMatchObject({ code });
    expect(JSON.stringify(failed)).not.toContain("secret-words");
    expect([...general.requests, ...business.requests]).toEqual([]);
    const { credentials } = await made.credentials.list({ vendor: "github-copilot" });
    expect(credentials.find(({ kind }: { kind: string }) => kind === "oauth").reason).toBe(reason);
  });

  it("goes on with another account where one has no Copilot", async () => {
    const long = "gho_with-copilot";
    github.long.add(long);
    const made = await house({ secrets: { COPILOT_GITHUB_TOKEN: long } });
    await signIn(made);
    for (const value of [...github.long]) if (value !== long) github.long.delete(value);
    const events = await made.ask(MODEL);
    expect(events).toContainEqual(expect.objectContaining({ type: "again", code: "PLINTH_MODEL_AUTH" }));
    expect(bearer(business)).toEqual([...github.short]);
  });

  it("takes a new token where the old one is refused", async () => {
    const made = await house();
    await signIn(made);
    await made.ask(MODEL);
    business.script({ refuse: { status: 401, body: { error: { message: "token expired" } } } }, {});
    await expect(made.ask(MODEL)).rejects.toMatchObject({ code: "PLINTH_MODEL_AUTH" });
    await made.ask(MODEL);
    expect(bearer(business)).toEqual([[...github.short][0], [...github.short][0], [...github.short][1]]);
  });

  it.each([
    "https://api.evil.example",
    "http://api.business.githubcopilot.com",
    "https://api.githubcopilot.com.evil.example",
    "https://user@api.githubcopilot.com",
    "https://evilgithubcopilot.com",
    "not an address",
  ])("whose answer names %s is not gone to, and no token is kept", async (where) => {
    const made = await house({ data: atHome(["*.githubcopilot.com"]) });
    await signIn(made);
    github.api = where;
    await expect(made.ask(MODEL)).rejects.toMatchObject({ code: "PLINTH_MODEL_SERVER" });
    expect([...general.requests, ...business.requests]).toEqual([]);
  });

  it("by a third party's data names no secret itself, neither where it is exchanged nor in what models are sent", async () => {
    const secrets = { COPILOT_GITHUB_TOKEN: "gho_mine" };
    github.long.add(secrets.COPILOT_GITHUB_TOKEN);
    const handle = "{{plinth-secret:LENT_0}}";
    const data = atHome();
    const withHeader = data.auth.map((one) => ({ ...one, exchange: { ...one.exchange!, headers: { "editor-version": "x", "x-more": handle } } }));
    const first = await house({ secrets, data: { ...data, auth: withHeader }, trusted: false });
    await expect(first.ask(MODEL)).rejects.toMatchObject({ code: "PLINTH_PERMISSION" });
    const second = await house({ secrets, data: { ...data, headersFor: { person: { "x-more": handle } } }, trusted: false });
    await expect(second.ask(MODEL)).rejects.toMatchObject({ code: "PLINTH_PERMISSION" });
    expect([...github.requests, ...business.requests, ...general.requests]).toEqual([]);
  });

  it("by a third party's data reaches what it was granted, with the keys that it was granted", async () => {
    const secrets = { COPILOT_GITHUB_TOKEN: "gho_mine" };
    github.long.add(secrets.COPILOT_GITHUB_TOKEN);
    const refused = await house({ secrets, trusted: false, granted: [] });
    await expect(refused.ask(MODEL)).rejects.toMatchObject({ code: "PLINTH_PERMISSION" });
    expect(github.exchanges()).toBe(0);
  });
});
