import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type ModelServer, openaiChatServer, type TokenServer, tokenServer } from "@plinth/sdk/testing";
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

/** A third party's vendor, installed and chosen. */
async function vendor(): Promise<void> {
  const dir = join(home, "../vendor");
  await mkdir(dir, { recursive: true });
  const { deviceUrl, authorizeUrl, tokenUrl, revokeUrl } = tokens;
  const auth = [{ kind: "oauth", deviceUrl, authorizeUrl, tokenUrl, revokeUrl, clientId: "plinth" }];
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

async function readLogs(): Promise<string> {
  const folder = join(home, "logs");
  const names = await readdir(folder).catch(() => []);
  return (await Promise.all(names.map((name) => readFile(join(folder, name), "utf8").catch(() => "")))).join("\n");
}
