import { existsSync, readdirSync, readFileSync } from "node:fs";
import { cp, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { build } from "esbuild";
import { afterEach, expect, it } from "vitest";
import { cleanUp, connect, newHome, plinth, root, sleep, startGateway } from "./lab.ts";

afterEach(cleanUp);

interface Parts {
  manifest?: Record<string, unknown>;
  source?: string;
}

/** A package folder as an author would pack it, with what is wrong written into it. */
async function packageOf(home: string, name: string, { manifest = {}, source }: Parts): Promise<string> {
  const dir = join(home, "made", name);
  await mkdir(dir, { recursive: true });
  await build({
    stdin: { contents: source ?? good, resolveDir: root, loader: "ts" },
    outfile: join(dir, "index.js"),
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node26",
    logLevel: "error",
  });
  const base = {
    id: `bad.${name}`,
    version: "1.0.0",
    title: name,
    description: "Made by a test.",
    engines: { plinth: "^0.1.0" },
    entry: "./index.js",
    provides: [{ contract: "plinth.tool", version: "1.0.0", id: name, descriptor: { description: "x", input: { type: "object" }, effects: [] } }],
  };
  await writeFile(join(dir, "plinth.json"), JSON.stringify({ ...base, ...manifest }));
  return dir;
}

const tool = (name: string, call: string, more = ""): string =>
  `import { defineExtension } from "@plinth/sdk";
   export default defineExtension({ activate(ctx) { ${more} ctx.provide("plinth.tool", ${JSON.stringify(name)}, { async call() { ${call} } }); } });`;
const good = tool("good", 'return { content: [{ type: "text", text: "good" }] };');

/** An isolate has no process to exit. */
const inProcess = { tiers: ["process"] };

const refused: [string, Parts, string][] = [
  ["throws", { source: tool("throws", "", 'throw new Error("no");') }, "PLINTH_EXTENSION_FAILED"],
  ["exits", { manifest: inProcess, source: tool("exits", "", "process.exit(3);") }, "PLINTH_EXTENSION_EXITED"],
  ["silent", { source: 'import { defineExtension } from "@plinth/sdk"; export default defineExtension({ activate() {} });' }, "PLINTH_NOT_PROVIDED"],
  ["typo", { manifest: { permisions: {} } }, "PLINTH_MANIFEST_INVALID"],
  ["stranger", { manifest: { uses: [{ contract: "plinth.tol", range: "^1" }] } }, "PLINTH_CONTRACT_UNKNOWN"],
  ["future", { manifest: { engines: { plinth: "^99.0.0" } } }, "PLINTH_VERSION_CONFLICT"],
  ["newer", { manifest: { uses: [{ contract: "plinth.tool", range: "^9" }] } }, "PLINTH_VERSION_CONFLICT"],
  ["lonely", { manifest: { extensions: { "some.other": "^1.0.0" } } }, "PLINTH_DEPENDENCY_MISSING"],
  ["selfish", { manifest: { extensions: { "bad.selfish": "^1.0.0" } } }, "PLINTH_CYCLE"],
  ["read", { source: tool("read", "return { content: [] };") }, "PLINTH_CAPABILITY_CONFLICT"],
  ["greedy", { source: tool("greedy", "", 'ctx.use("plinth.turns" as any);') }, "PLINTH_UNDECLARED"],
];

it("each broken package is refused with its code, its owner and a next step; nothing half-installed remains; the gateway runs on", async () => {
  const home = await newHome();
  const gateway = await startGateway(home);
  const client = await connect(gateway);
  await client.turn("hello");
  const before = await everything(home);
  for (const [name, parts, code] of refused) {
    const dir = await packageOf(home, name, parts);
    const outcome = await plinth(home, ["plugins", "install", dir, "--yes", "--json"]);
    expect(outcome.code, `${name}: ${outcome.stdout}`).toBe(1);
    const { error } = JSON.parse(outcome.stdout);
    expect(error, name).toMatchObject({ code, message: expect.any(String), next: expect.any(String) });
    expect(`${error.extension} ${error.message}`, name).toContain(name === "typo" ? "permisions" : `bad.${name}`);
    expect(await everything(home), name).toEqual(before);
  }
  expect((await client.turn("read README.md")).at(-1)).toMatchObject({ status: "ok" });
  expect(gateway.child.exitCode).toBeNull();
}, 120_000);

it("an extension that dies in a call is named with its code in status; everything else works; it comes back", async () => {
  const home = await newHome();
  const gateway = await startGateway(home);
  const client = await connect(gateway);
  const dir = await packageOf(home, "fragile", { manifest: inProcess, source: tool("fragile", "process.exit(7);") });
  expect((await plinth(home, ["plugins", "install", dir, "--yes"])).code).toBe(0);
  const died = await client.turn("use fragile");
  expect(died.find((one) => one.type === "tool-end")).toMatchObject({ name: "fragile", result: { isError: true } });
  expect(died.at(-1)).toMatchObject({ status: "ok" });
  const status = JSON.parse((await plinth(home, ["status", "--json"])).stdout);
  const extensions = status.extensions ?? status.host?.extensions;
  expect(extensions.find((one: any) => one.id === "bad.fragile")).toMatchObject({
    state: "quarantined",
    fault: { code: "PLINTH_EXTENSION_EXITED", phase: "exit", next: expect.any(String) },
  });
  expect((await client.turn("read README.md")).at(-1)).toMatchObject({ status: "ok" });
}, 60_000);

it.skipIf(!existsSync("/usr/bin/setpriv"))(
  "an extension that loops dies with its host, however the host dies",
  async () => {
    const home = await newHome();
    const gateway = await startGateway(home);
    const dir = await packageOf(home, "looper", { manifest: inProcess, source: tool("looper", "for (;;);") });
    expect((await plinth(home, ["plugins", "install", dir, "--yes"])).code).toBe(0);
    const client = await connect(gateway);
    const child = (): string | undefined =>
      readdirSync("/proc").find((pid) => /^\d+$/.test(pid) && parentOf(pid) === gateway.pid && commandOf(pid).includes("guest/process.mjs"));
    void client.turn("use looper").catch(() => {});
    await until(() => child() !== undefined);
    const pid = child() as string;
    await sleep(200);
    process.kill(gateway.pid, "SIGKILL");
    await until(() => !existsSync(`/proc/${pid}`) || commandOf(pid) === "");
  },
  60_000,
);

it("a byte changed on disk after the install is noticed before it runs", async () => {
  const home = await newHome();
  const dir = await packageOf(home, "good", {});
  expect((await plinth(home, ["plugins", "install", dir, "--yes"])).code).toBe(0);
  const [digest] = await readdir(join(home, "store"));
  const entry = join(home, "store", digest as string, "index.js");
  await writeFile(entry, `${await readFile(entry, "utf8")}\nconsole.log("tampered");`);
  const client = await connect(await startGateway(home));
  const events = await client.turn("use good");
  expect(JSON.stringify(events)).toContain("PLINTH_DIGEST");
  expect(JSON.stringify(events)).not.toContain("tampered");
}, 60_000);

it("a tampered tarball and an unsigned one in a registry are refused", async () => {
  const home = await newHome();
  const registry = join(home, "registry");
  await cp(join(root, "dist/registry"), registry, { recursive: true });
  const tarball = join(registry, "blobs/demo/dice/dice-1.0.0.tgz");
  const bytes = await readFile(tarball);
  bytes.writeUInt8(bytes.readUInt8(200) ^ 1, 200);
  await writeFile(tarball, bytes);
  const flipped = await plinth(home, ["plugins", "install", "demo.dice", "--yes", "--json"], { PLINTH_REGISTRY: registry });
  expect(JSON.parse(flipped.stdout).error.code).toBe("PLINTH_INTEGRITY");
  const index = join(registry, "packages/demo/clock.json");
  const document = JSON.parse(await readFile(index, "utf8"));
  document.versions[0].signature.signature = Buffer.alloc(64).toString("base64");
  await writeFile(index, JSON.stringify(document));
  const forged = await plinth(home, ["plugins", "install", "demo.clock", "--yes", "--json"], { PLINTH_REGISTRY: registry });
  expect(JSON.parse(forged.stdout).error.code).toBe("PLINTH_SIGNATURE");
  expect((await readdir(home)).includes("store")).toBe(false);
}, 60_000);

/** Every file of the home that an install could touch, with its content; not the conversation's and the log's. */
async function everything(home: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  const walk = async (below: string): Promise<void> => {
    for (const entry of await readdir(join(home, below), { withFileTypes: true })) {
      const path = join(below, entry.name);
      if (/^(made|cache|host\/|state\/plinth\.)/.test(path)) continue;
      if (entry.isDirectory()) await walk(path);
      else found[path] = await readFile(join(home, path), "utf8");
    }
  };
  await walk("");
  return found;
}

const parentOf = (pid: string): number => Number(readOr(`/proc/${pid}/stat`).split(") ")[1]?.split(" ")[1]);
const commandOf = (pid: string): string => readOr(`/proc/${pid}/cmdline`);

function readOr(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

async function until(check: () => boolean): Promise<void> {
  for (let wait = 0; wait < 400; wait++) {
    if (check()) return;
    await sleep(25);
  }
  throw new Error("it did not happen within 10 s");
}
