import { rmSync } from "node:fs";
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Manifest } from "@plinth/manifests";
import type { Principal } from "@plinth/manifests/wire/bridge.ts";
import { type BuildOptions, build } from "esbuild";
import { afterAll } from "vitest";
import { type BootInput, boot } from "../boot.ts";
import type { Host } from "../host.ts";
import { currentWork, runWork, withWork } from "../work.ts";
import { type Source, storeExtension } from "./sources.ts";

const ROOT = join(import.meta.dirname, "../..");

export const OWNER: Principal = { role: "owner", via: "test" };
export const GUEST: Principal = { role: "guest", via: "test" };

/** A small product of its own in a temporary folder: its extensions, a home, the child's and the checker's programs. */
export class Product {
  readonly root: string;
  readonly dist: string;
  readonly home: string;
  readonly #hosts: Host[] = [];
  readonly #bundled: { manifest: Manifest; digest: string }[] = [];
  #packages = 0;

  private constructor(root: string) {
    this.root = root;
    this.dist = join(root, "dist");
    this.home = join(root, "home");
  }

  static async create(...bundled: Source[]): Promise<Product> {
    const tier = await programs();
    const product = new Product(await mkdtemp(join(tmpdir(), "plinth-product-")));
    await mkdir(product.home, { recursive: true });
    for (const source of [storeExtension, ...bundled]) {
      const manifest = complete(source);
      await unpack(source, join(product.dist, "extensions", manifest.id));
      product.#bundled.push({ manifest, digest: `bundled ${manifest.version}`.padEnd(128, "0") });
    }
    await cp(tier, join(product.dist, "extensions", "plinth.tier-process"), { recursive: true });
    const manifest = JSON.parse(await readFile(join(tier, "plinth.json"), "utf8")) as Manifest;
    product.#bundled.push({ manifest, digest: "tier".padEnd(128, "0") });
    await writeFile(join(product.dist, "bundled.json"), JSON.stringify({ index: 1, records: product.#bundled }));
    const main = { contract: "plinth.entry", method: "main" };
    await writeFile(join(product.dist, "product.json"), JSON.stringify({ version: "0.1.0", main, slots: { "plinth.kv-store": "test.store" } }));
    return product;
  }

  async boot(input: Partial<BootInput> & { config?: string } = {}): Promise<Host> {
    const { config, ...rest } = input;
    if (config !== undefined) await writeFile(join(this.home, "plinth.json"), config);
    const host = await boot({ dist: this.dist, home: this.home, env: {}, logLevel: "silent", ...rest });
    this.#hosts.push(host);
    return host;
  }

  /** An unpacked package, as a plugin source hands it over. */
  async package(source: Source): Promise<string> {
    const dir = join(this.root, "packages", String(++this.#packages));
    await unpack(source, dir);
    return dir;
  }

  readHome = (name: string): Promise<string> => readFile(join(this.home, name), "utf8");

  async dispose(): Promise<void> {
    await Promise.all(this.#hosts.map((one) => one.stop()));
    await rm(this.root, { recursive: true, force: true });
  }
}

/** Call a capability as the host's edge does: as work of a principal, or as nobody's. */
export function call(host: Host, contract: string, id: string | null, method: string, input: unknown = {}, as?: Principal): Promise<any> {
  const run = async (): Promise<unknown> => {
    const entry = host.generation().find(contract, id);
    return entry.by.invoke(entry, method, input, {}, null);
  };
  if (as !== undefined) return withWork(as, host.current, run);
  return currentWork() === undefined ? runWork(undefined, run) : run();
}

export function open(host: Host, contract: string, id: string, method: string, input: unknown = {}): AsyncIterable<any> {
  const entry = host.generation().find(contract, id);
  return entry.by.stream(entry, method, input, {}, null);
}

export async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const one of items) found.push(one);
  return found;
}

export const admin = (host: Host, method: string, input: unknown, as: Principal = OWNER): Promise<any> =>
  call(host, "plinth.host-admin", "kernel", method, input, as);

export const snapshot = (host: Host) => call(host, "plinth.kernel", "kernel", "snapshot");

/** Inspect and install with the consent that the inspection asks for. */
export async function install(host: Host, dir: string, as: Principal = OWNER): Promise<{ id: string; version: string; generation: number }> {
  const { digest, consent } = await admin(host, "inspect", { dir }, as);
  return admin(host, "install", { dir, digest, consent: consent.hash, source: `folder:${dir}`, pinnedBy: "operator", reason: "a test" }, as);
}

/** The code of whatever was thrown, or "none". */
export const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => "none",
    (thrown: { code?: string; message?: string }) => thrown.code ?? `no code: ${thrown.message}`,
  );

function complete({ manifest, code }: Source): Manifest {
  return {
    version: "1.0.0",
    title: manifest.id,
    description: "For tests.",
    engines: { plinth: "^0.1.0" },
    tiers: ["host", "process"],
    ...(code === undefined ? {} : { entry: "./index.js" }),
    ...manifest,
  };
}

async function unpack(source: Source, dir: string): Promise<void> {
  await mkdir(dir, { recursive: true });
  await writeFile(join(dir, "plinth.json"), JSON.stringify(complete(source)));
  if (source.code === undefined) return;
  const options: BuildOptions = {
    stdin: { contents: `import { defineExtension } from "@plinth/sdk";\n${source.code}`, resolveDir: ROOT, loader: "ts" },
    ...ESM,
    outfile: join(dir, "index.js"),
  };
  await build(options);
}

const ESM: BuildOptions = { bundle: true, format: "esm", platform: "node", target: "node26", conditions: ["development"], logLevel: "error" };

const scratch: string[] = [];
afterAll(() => scratch.forEach((dir) => void rmSync(dir, { recursive: true, force: true })));

let built: Promise<string> | null = null;

/** The programs that a product starts; resolves to the folder of the process tier, built from its source. */
function programs(): Promise<string> {
  built ??= (async () => {
    const dir = await mkdtemp(join(tmpdir(), "plinth-programs-"));
    const tier = join(dir, "tier");
    await mkdir(tier, { recursive: true });
    await cp(join(ROOT, "extensions/tiers/process/plinth.json"), join(tier, "plinth.json"));
    process.env.PLINTH_CHILD_PROGRAM = join(dir, "guest", "process.mjs");
    process.env.PLINTH_CONFINE_PROGRAM = join(dir, "guest", "confine.mjs");
    await Promise.all([
      build({ ...ESM, entryPoints: [join(ROOT, "extensions/tiers/process/index.ts")], outfile: join(tier, "index.js") }),
      build({ ...ESM, entryPoints: [join(ROOT, "sdk/guest/process.ts")], outfile: process.env.PLINTH_CHILD_PROGRAM } as BuildOptions),
      build({ ...ESM, entryPoints: [join(ROOT, "sdk/guest/confine.ts")], outfile: process.env.PLINTH_CONFINE_PROGRAM } as BuildOptions),
    ]);
    scratch.push(dir);
    return tier;
  })();
  return built;
}
