import { execFileSync } from "node:child_process";
import { existsSync, globSync, readFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { integrityOf, packDirectory } from "@plinth/registry";
import {
  anthropicServer,
  bedrockServer,
  geminiServer,
  type ModelServer,
  ollamaServer,
  openaiChatServer,
  openaiMediaServer,
  openaiResponsesServer,
  rerankServer,
} from "@plinth/sdk/testing";
import { type BuildOptions, build } from "esbuild";
import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { googleServer } from "../../extensions/models/api-google-media/google-server.testing.ts";
import { minimaxServer } from "../../extensions/models/api-minimax-media/minimax-server.testing.ts";
import { hasVerdaccio, Verdaccio } from "../peers/verdaccio.testing.ts";
import {
  type Client,
  cleanUp,
  connect,
  type Gateway,
  newHome,
  type Outcome,
  onCleanUp,
  plinth,
  root,
  say,
  scriptedModel,
  startGateway,
} from "./lab.ts";

/** Uses each road to the world that an extension has. */
const REACH = `
  import { defineExtension } from "@plinth/sdk";
  export default defineExtension({ activate(ctx) { ctx.provide("plinth.tool", "reach", {
    async call({ args }) {
      await ctx.files.write("data/note.txt", "written");
      await ctx.store.set("times", 1);
      const { artifact } = await ctx.use("plinth.artifacts").one().put({ base64: btoa("kept"), mimeType: "text/plain" });
      if (artifact?.bytes !== 4) throw new Error("it was not kept");
      const ranked = await ctx.use("plinth.rerank").get("models").rerank({ model: "test-rerank/rerank-v3.5", query: "a", documents: ["b", "a"] });
      if (ranked.results.length !== 2) throw new Error("they were not put in order");
      for (const model of ["gemini/gemini-3.8-flash-tts", "test-minimax/speech-2.8-hd"]) {
        const said = [];
        for await (const item of ctx.use("plinth.speech").get("models").speak({ model, lines: [{ text: "hello" }] })) said.push(item);
        if (said.at(-1)?.type !== "end") throw new Error("it was not said");
      }
      const { stdout } = await ctx.exec("echo", ["hello"]);
      const answer = await ctx.fetch(args.url, { headers: { "x-key": "{{plinth-secret:REACH_KEY}}" } });
      return { content: [{ type: "text", text: await ctx.files.readText("data/note.txt") + " " + stdout.trim() + " " + await answer.text() }] };
    },
  }); } });`;
const SDK: BuildOptions = { bundle: true, format: "esm", target: "node26", conditions: ["development"], platform: "neutral", logLevel: "error" };
/** Packages of others, as they are on npm: none of them is an extension. */
const STRANGERS = ["semver", "ws", "pino"];

const manifest = (id: string, more: object): string =>
  JSON.stringify({ id, version: "1.0.0", title: id, description: "For a test.", engines: { plinth: "^0.1.0" }, entry: "./index.js", ...more });
const tool = (id: string): object => ({
  contract: "plinth.tool",
  version: "1.0.0",
  id,
  descriptor: { description: "For a test.", input: { type: "object" }, effects: [] },
});

/** Servers that speak the protocols, each with the path that its vendors' addresses end with. */
const PROTOCOLS: readonly [api: string, start: () => Promise<ModelServer>, path: string][] = [
  ["openai-chat", openaiChatServer, "/v1"],
  ["openai-responses", openaiResponsesServer, "/v1"],
  ["anthropic-messages", anthropicServer, "/v1"],
  ["gemini", geminiServer, "/v1beta"],
  ["bedrock-converse", bedrockServer, ""],
  ["ollama", ollamaServer, ""],
];

vi.setConfig({ testTimeout: 120_000 });

let home: string;
let gateway: Gateway;
let client: Client;
let verdaccio: Verdaccio | undefined;
let world: string;

/** An extension's folder as an author hands it on. */
async function folder(name: string, id: string, more: object, code: string): Promise<string> {
  const dir = join(home, "made", name);
  await mkdir(dir, { recursive: true });
  await writeFile(join(dir, "plinth.json"), manifest(id, more));
  const stdin = { contents: code, resolveDir: root, loader: "ts" } as const;
  await build({ ...SDK, stdin, outfile: join(dir, "index.js") } as BuildOptions);
  return dir;
}
const plain = (name: string): string =>
  `import { defineExtension } from "@plinth/sdk";
   export default defineExtension({ activate(ctx) { ctx.provide("plinth.tool", ${JSON.stringify(name)}, { call: () => ({ content: [{ type: "text", text: "here" }] }) }); } });`;
const run = (...words: string[]): Promise<Outcome> => plinth(home, words);
const install = async (spec: string): Promise<void> => {
  const { code, stdout, stderr } = await run("plugins", "install", spec, "--yes");
  expect(code, stdout + stderr).toBe(0);
};

beforeAll(async () => {
  home = await newHome();
  const server = createServer((request, response) => void response.end(String(request.headers["x-key"])));
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  onCleanUp(() => server.close());
  world = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  if (hasVerdaccio) {
    verdaccio = await Verdaccio.start();
    onCleanUp(() => verdaccio?.stop());
  }
  const servers: Record<string, object> = {};
  for (const [api, start, path] of PROTOCOLS) {
    const speaks = await start();
    onCleanUp(() => speaks.close());
    servers[`test-${api}`] = { api, baseUrl: `${speaks.url}${path}`, priority: 2_000, secret: "REACH_KEY" };
  }
  for (const [id, start] of [
    ["test-media", openaiMediaServer],
    ["test-rerank", rerankServer],
  ] as const) {
    const speaks = await start();
    onCleanUp(() => speaks.close());
    servers[id] = { api: "openai-chat", baseUrl: `${speaks.url}/v1`, priority: 2_000, secret: "REACH_KEY" };
  }
  const google = await googleServer();
  onCleanUp(() => google.close());
  const vendors = { gemini: { baseUrl: `${google.url}/v1beta` } };
  const npm = verdaccio === undefined ? {} : { "plinth.source-npm": { config: { registry: verdaccio.url } } };
  const extensions = { "plinth.models": { config: { servers, vendors } }, ...npm };
  await writeFile(join(home, "plinth.json"), JSON.stringify({ extensions, policy: { audit: "all" } }));
  const model = await scriptedModel((_body, _request, response) => say(response, "from the scripted model"));
  gateway = await startGateway(home, { ...model.env, REACH_KEY: "the-key", GEMINI_API_KEY: "the-key" });
  client = await connect(gateway);
}, 120_000);
afterAll(cleanUp);

describe.skipIf(!hasVerdaccio)("the built npm source", () => {
  it.each(STRANGERS)("fetches %s, as it is on npm, and finds no extension in it", async (name) => {
    const { version } = JSON.parse(readFileSync(join(root, "node_modules", name, "package.json"), "utf8"));
    const tarball = Buffer.from(await packDirectory(join(root, "node_modules", name)));
    await verdaccio?.publish(name, version, tarball, integrityOf(tarball));
    expect((await run("plugins", "install", `npm:${name}`)).stderr).toContain("PLINTH_MANIFEST_MISSING");
  });

  it("installs an extension", async () => {
    const dir = await folder("from-npm", "acme.from-npm", { provides: [tool("from-npm")] }, plain("from-npm"));
    const tarball = Buffer.from(await packDirectory(dir));
    await verdaccio?.publish("@acme/from-npm", "1.0.0", tarball, integrityOf(tarball));
    await install("npm:@acme/from-npm@^1");
  });
});

it("the built git source, a package of the product, installs a folder of a commit", async () => {
  await install("plinth.source-git");
  const dir = await folder("from-git", "acme.from-git", { provides: [tool("from-git")] }, plain("from-git"));
  const git = (...words: string[]): string =>
    execFileSync("git", ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false", ...words], {
      cwd: dir,
      encoding: "utf8",
    });
  git("init", "--quiet", "--initial-branch=main");
  git("add", ".");
  git("commit", "--quiet", "-m", "first");
  await install(`git:file://${dir}#main`);
});

it("the built registry client installs from a signed registry", () => install("demo.dice"));

it("each bundled extension is called in one gateway, and what it does is done", async () => {
  const minimax = await minimaxServer();
  onCleanUp(() => minimax.close());
  const vendor = {
    ...{ title: "Test", website: "https://example.com", priority: 2_000, auth: [{ kind: "key", secret: "REACH_KEY" }] },
    baseUrls: { default: `${minimax.url}/v1` },
    apis: { "plinth.speech": { api: "minimax", models: [{ id: "speech-2.8-hd" }], voices: [{ id: "male-qn-qingse", title: "Voice" }] } },
  };
  const provides = [{ contract: "plinth.model-vendor", version: "1.0.0", id: "test-minimax", descriptor: vendor }];
  const permissions = { net: ["loopback"], secrets: ["REACH_KEY"] };
  await install(await folder("vendor", "acme.vendor", { entry: undefined, provides, permissions }, ""));
  const chosen = await run("grants", "choose", "acme.vendor", "--yes");
  expect(chosen.code, chosen.stdout + chosen.stderr).toBe(0);
  const reach = await folder(
    "reach",
    "acme.reach",
    {
      tiers: ["process"],
      provides: [tool("reach")],
      uses: ["plinth.artifacts", "plinth.rerank", "plinth.speech"].map((contract) => ({ contract, range: "^1" })),
      permissions: { net: ["loopback"], fs: ["data"], exec: ["echo hello"], secrets: ["REACH_KEY"] },
    },
    REACH,
  );
  await install(reach);

  // Two surfaces, a model server and the model that needs none.
  const api = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: gateway.token });
  const answer = await api.chat.completions.create({ model: "plinth", messages: [{ role: "user", content: "hello" }] });
  expect(answer.choices[0]?.message.content).toBe("from the scripted model");
  for (const [protocol] of PROTOCOLS) {
    const said = await api.chat.completions.create({ model: `test-${protocol}/model-1`, messages: [{ role: "user", content: "hello" }] });
    expect(said.choices[0]?.message.content, protocol).toBe("Hello.");
  }
  const { data } = await api.embeddings.create({ model: "test-media/text-embedding-3-small", input: "hello" });
  expect(data[0]?.embedding.length).toBeGreaterThan(1);
  expect((await run("models", "check", `test-${PROTOCOLS[0]![0]}`, "--model", "model-1", "--only", "streams")).stdout).toContain("streams");
  const page = await fetch(`${gateway.url}/`, { headers: { authorization: `Bearer ${gateway.token}` } });
  expect(page.status).toBe(200);
  expect((await client.turn("hello")).at(-1)).toMatchObject({ status: "ok", text: "from the scripted model" });

  // A command after a stranger's tool had a hand in the conversation is asked for first.
  let asked = 0;
  client
    .request("approvals.watch", {}, ({ state, request }) => {
      if (state !== "asked") return;
      asked++;
      client.request("approvals.answer", { id: request.id, digest: request.digest, option: "once" }).catch(() => {});
    })
    .catch(() => {});
  const ask = async (text: string): Promise<string> =>
    JSON.parse((await run("agent", "--wait", "--model", "offline/offline", "-m", text, "--json")).stdout).text;
  expect(await ask(`use reach url=${world}`)).toContain("written hello the-key");
  expect(await ask("run echo from-exec")).toContain("from-exec");
  expect(asked).toBeGreaterThan(0);
  expect(await ask("list files")).toContain("The tool list answered");
  expect(await ask("recall files")).toContain("user: list files");
  expect(await ask("use sessions_list")).toContain("The tool sessions_list answered");
  expect((await run("tools", "why", "list")).stdout).toContain("list");
  await writeFile(join(home, "workspace", "AGENTS.md"), "Speak of herons.");
  const told = JSON.parse((await run("context", "show", "--json")).stdout);
  expect(JSON.stringify(told)).toContain("plinth.workspace-files");
  expect(JSON.parse((await run("audit", "--json")).stdout).records.length).toBeGreaterThan(0);
  expect((await run("doctor", "--json")).stdout).toContain("{");

  // Commands for authors run in their own process, not in the gateway.
  const made = await plinth(home, ["create", "acme.made", "--dir", join(home, "project"), "--json"]);
  expect(JSON.parse(made.stdout)).toMatchObject({ id: "acme.made" });

  const { extensions } = await client.request("host.usage");
  const worked = (extensions as { id: string; counts: { calls: number; errors: number } }[]).filter(({ counts }) => counts.calls > counts.errors);
  const bundled = (
    JSON.parse(readFileSync(join(root, "dist/bundled.json"), "utf8")) as {
      records: { manifest: { id: string; entry?: string } }[];
    }
  ).records.filter(({ manifest }) => manifest.entry !== undefined);
  const idle = bundled.map(({ manifest: { id } }) => id).filter((id) => !worked.some((one) => one.id === id));
  // The set-up runs in its own process, too; the source of npm is called where there is a registry of npm's.
  expect(idle).toEqual(["plinth.author", "plinth.init", ...(verdaccio === undefined ? ["plinth.source-npm"] : [])]);
});

it("each built module has a source map beside it, which names its sources", async () => {
  const modules = globSync("dist/{kernel,guest,strangers,extensions/*}/**/*.{js,mjs}", { cwd: root });
  expect(modules.length).toBeGreaterThan(60);
  expect(modules.filter((path) => !path.includes("/assets/") && !existsSync(join(root, `${path}.map`)))).toEqual([]);
  const { sources } = JSON.parse(readFileSync(join(root, "dist/kernel/main.mjs.map"), "utf8")) as { sources: string[] };
  expect(sources.some((source) => existsSync(join(root, "dist/kernel", source)) && source.endsWith("kernel/boot.ts"))).toBe(true);
});
