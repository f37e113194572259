import { chmod, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { anthropicServer, copilotTokens, type ModelServer, openaiChatServer, type TokenServer, tokenServer } from "@plinth/sdk/testing";
import { afterEach, beforeEach, expect, it } from "vitest";
import { cleanUp, connect, newHome, onCleanUp, plinth, startGateway } from "./lab.ts";

const KEYS = { WORK_KEY: "sk-of-work-0123456789", HOME_KEY: "sk-of-home-0123456789" };
const LONG = { LC_ALL: "C.UTF-8", COLUMNS: "200" };

let server: ModelServer;
let tokens: TokenServer;
let home: string;
const shell = (...args: string[]) => plinth(home, args, { ...KEYS, ...LONG });
const told = async (...args: string[]) => JSON.parse((await shell(...args, "--json")).stdout);
const asked = () => server.requests.map(({ headers }) => headers.authorization?.replace("Bearer ", ""));
const refusal = { refuse: { status: 401, body: { error: { message: "Incorrect API key provided" } } } };

beforeEach(async () => {
  [server, tokens, home] = await Promise.all([openaiChatServer({ models: ["m"] }), tokenServer({ expiresIn: 1 }), newHome()]);
  onCleanUp(() => Promise.all([server.close(), tokens.close()]));
});
afterEach(cleanUp);

const signIn = () => {
  const { deviceUrl, authorizeUrl, tokenUrl, revokeUrl } = tokens;
  return { kind: "oauth", deviceUrl, authorizeUrl, tokenUrl, revokeUrl, clientId: "plinth" };
};

/** A third party's vendor, installed and chosen. */
async function vendor(auth: object[] = [signIn()]): Promise<void> {
  const dir = join(home, "../vendor");
  await mkdir(dir, { recursive: true });
  const descriptor = { title: "Acme", api: "openai-chat", priority: 3, baseUrls: { default: `${server.url}/v1` }, auth, defaultModel: "m" };
  const manifest = {
    ...{ id: "acme.vendor", version: "1.0.0", title: "Acme", description: "Models.", license: "MIT", engines: { plinth: "*" } },
    provides: [{ contract: "plinth.model-vendor", version: "1.0.0", id: "acme", descriptor }],
    permissions: { net: ["loopback"] },
  };
  await writeFile(join(dir, "plinth.json"), JSON.stringify(manifest));
  expect(await shell("plugins", "install", dir, "--yes")).toMatchObject({ code: 0 });
  expect(await shell("grants", "choose", "acme.vendor", "--yes")).toMatchObject({ code: 0 });
}

it("two keys of one server: the second answers in the same turn, the first is shown as refused, and each is asked for real where that is wanted", async () => {
  const servers = { work: { baseUrl: `${server.url}/v1`, secret: "WORK_KEY", defaultModel: "m" } };
  const set = await shell("config", "set", 'extensions["plinth.models"].config.servers', JSON.stringify(servers));
  expect(set).toMatchObject({ code: 0 });
  expect(await shell("models", "auth", "add", "work", "--secret", "HOME_KEY", "--name", "home")).toMatchObject({ code: 0 });
  expect(await shell("models", "auth", "order", "work", "WORK_KEY", "home")).toMatchObject({ code: 0 });

  const gateway = await startGateway(home, KEYS);
  const client = await connect(gateway);
  server.script(refusal, { say: [{ text: "From the second." }] });
  expect((await client.turn("hello")).at(-1)).toMatchObject({ status: "ok", text: "From the second." });
  expect(asked()).toEqual([KEYS.WORK_KEY, KEYS.HOME_KEY]);
  const { credentials } = await told("models", "auth", "list", "work");
  expect(credentials.map(({ id, reason }: any) => [id, reason])).toEqual([
    ["work:WORK_KEY", "disabled"],
    ["work:home", "ok"],
  ]);

  await shell("models", "auth", "order", "work");
  const status = await shell("models", "status", "work", "--probe", "--json");
  expect(JSON.parse(status.stdout)).toMatchObject({
    providers: [{ id: "work", ready: true }],
    probes: [{ provider: "work", credential: "work:home", result: "ok" }],
  });
  server.script(refusal);
  const failed = await shell("models", "status", "work", "--probe", "--json");
  expect([failed.code, JSON.parse(failed.stdout).probes]).toMatchObject([
    1,
    [{ credential: "work:home", result: "auth", code: "PLINTH_MODEL_AUTH" }],
  ]);
  for (const value of Object.values(KEYS)) expect(`${status.stdout}${failed.stdout}${failed.stderr}`).not.toContain(value);
}, 120_000);

it("a sign-in by a code is kept for its owner alone, renewed before it is used, shown without its tokens, and taken back", async () => {
  await vendor();
  tokens.pending = { count: 1, outcome: "tokens" };
  const login = await shell("models", "auth", "login", "acme");
  expect(login).toMatchObject({ code: 0, stderr: expect.stringContaining("ABCD-EFGH"), stdout: expect.stringContaining("acme:default") });
  tokens.expiresIn = 3_600;

  const client = await connect(await startGateway(home, KEYS));
  const first = await told("models", "status", "acme", "--probe");
  expect(first.probes).toMatchObject([{ credential: "acme:default", result: "ok" }]);
  expect(tokens.grants.filter((grant) => grant === "refresh_token")).toHaveLength(1);
  expect(tokens.isGood(asked().at(-1)!)).toBe(true);
  expect(await told("models", "auth", "list", "acme")).toMatchObject({ credentials: [{ id: "acme:default", kind: "oauth", reason: "ok" }] });

  const said = [login.stdout, login.stderr, JSON.stringify(first), await readLogs(), JSON.stringify(await client.request("host.usage"))].join("\n");
  for (const value of tokens.values) expect(said).not.toContain(value);
  expect(await shell("models", "auth", "logout", "acme")).toMatchObject({ code: 0, stdout: expect.stringContaining("took its token back") });
  expect(tokens.revoked).toHaveLength(1);
  expect((await readdir(join(home, "state/plinth.credentials/tokens"))).filter((name) => name.endsWith(".json"))).toEqual([]);
}, 120_000);

it("what is exchanged goes to the one server that exchanges it, and its token to the models at the address that comes with it", async () => {
  const business = await openaiChatServer({ models: ["m"] });
  const github = await copilotTokens({ api: business.url, clientId: "plinth" });
  onCleanUp(() => Promise.all([business.close(), github.close()]));
  const exchange = {
    ...{ url: github.exchangeUrl, prefix: "token ", headers: { "editor-version": "test/1" }, hosts: ["loopback"] },
    ...{ token: "token", expiresIn: "refresh_in", expiresAt: "expires_at", baseUrl: "endpoints.api" },
  };
  await vendor([{ kind: "oauth", deviceUrl: github.deviceUrl, tokenUrl: github.tokenUrl, clientId: "plinth", exchange }]);
  expect(await shell("models", "auth", "login", "acme")).toMatchObject({ code: 0 });
  // A process for each, and a gateway: all of them with one exchange.
  const client = await connect(await startGateway(home, KEYS));
  const [first, second] = [await told("models", "status", "acme", "--probe"), await told("models", "status", "acme", "--probe")];
  expect([first.probes, second.probes]).toMatchObject([[{ result: "ok" }], [{ result: "ok" }]]);
  expect((await client.turn("/model acme/m")).at(-1).text).toContain("acme/m");
  expect((await client.turn("hello")).at(-1)).toMatchObject({ status: "ok", text: "Hello." });
  expect((await client.turn("hello")).at(-1)).toMatchObject({ status: "ok" });
  expect(github.exchanges()).toBe(1);
  expect(new Set(business.requests.map(({ headers }) => headers.authorization))).toEqual(new Set([`Bearer ${[...github.short][0]}`]));
  expect(server.requests).toEqual([]);
  const seen = JSON.stringify([business.requests, first, second]) + (await readLogs());
  for (const value of github.long) expect(seen).not.toContain(value);
  for (const value of github.short) expect(JSON.stringify([first, second]) + (await readLogs())).not.toContain(value);
}, 120_000);

it.skipIf(process.platform === "win32")(
  "other programs' sign-ins and the system's keyring are read when they are used, and stand nowhere in the home",
  async () => {
    const away = join(home, "../away");
    await mkdir(away, { recursive: true });
    const program = async (name: string, text: string) => {
      await writeFile(join(away, name), `#!/bin/sh\n${text}\n`);
      await chmod(join(away, name), 0o755);
    };
    await program("gh", '[ "$*" = "auth token" ] && echo gho-of-the-program');
    await program("secret-tool", '[ "$*" = "lookup service plinth account groq" ] && echo gsk-of-the-keyring');
    await program("security", '[ "$*" = "find-generic-password -s plinth -a groq -w" ] && echo gsk-of-the-keyring');
    const file = join(away, ".credentials.json");
    await writeFile(
      file,
      JSON.stringify({ claudeAiOauth: { accessToken: "oat-of-the-file", refreshToken: "ort", expiresAt: Date.now() + 3_600_000 } }),
    );
    const claude = await anthropicServer({ models: ["m"] });
    onCleanUp(() => claude.close());

    const env = { PATH: `${away}:${process.env.PATH}`, CLAUDE_CONFIG_DIR: away, ...LONG };
    const run = async (...args: string[]) => {
      const outcome = await plinth(home, args, env);
      expect(outcome, outcome.stderr).toMatchObject({ code: 0 });
      return outcome.stdout;
    };
    const chat = { baseUrl: `${server.url}/v1`, api: "openai-chat", defaultModel: "m" };
    const vendors = { groq: chat, "github-copilot": chat, anthropic: { baseUrl: claude.url, defaultModel: "m" } };
    await run("config", "set", 'extensions["plinth.models"].config.vendors', JSON.stringify(vendors));
    await run("models", "auth", "add", "groq", "--keyring", "groq");
    await run("models", "auth", "add", "github-copilot", "--from", "gh");
    await run("models", "auth", "add", "anthropic", "--from", "claude");
    const { probes } = JSON.parse((await plinth(home, ["models", "status", "--probe", "--json"], env)).stdout);
    expect(probes.filter(({ credential }: any) => credential !== undefined)).toMatchObject([
      { credential: "anthropic:claude", result: "ok" },
      { credential: "groq:groq", result: "ok" },
      // It goes to GitHub alone, which cannot be reached from here, and not to the models' server.
      { credential: "github-copilot:gh", result: "network" },
    ]);
    expect(asked()).toEqual(["gsk-of-the-keyring"]);
    expect(claude.requests.at(-1)!.headers).toMatchObject({
      authorization: "Bearer oat-of-the-file",
      "anthropic-beta": expect.stringContaining("oauth-2025-04-20"),
    });
    expect(claude.requests.at(-1)!.headers).not.toHaveProperty("x-api-key");
    const kept = await Promise.all(
      (await readdir(home, { recursive: true, withFileTypes: true }))
        .filter((entry) => entry.isFile())
        .map((entry) => readFile(join(entry.parentPath, entry.name), "latin1")),
    );
    for (const value of ["gho-of-the-program", "gsk-of-the-keyring", "oat-of-the-file"])
      expect(
        kept.some((text) => text.includes(value)),
        value,
      ).toBe(false);
  },
  120_000,
);

async function readLogs(): Promise<string> {
  const folder = join(home, "logs");
  const names = await readdir(folder).catch(() => []);
  return (await Promise.all(names.map((name) => readFile(join(folder, name), "utf8").catch(() => "")))).join("\n");
}
