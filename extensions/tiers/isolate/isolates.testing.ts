import { chmod, mkdtemp, readFile, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { afterAll, afterEach, beforeAll, expect } from "vitest";
import type { Host } from "../../../kernel/host.ts";
import { call, OWNER, Product } from "../../../kernel/test/product.ts";
import type { Source } from "../../../kernel/test/sources.ts";
import { LAZY_FORM, LAZY_NAMES, lazyFile } from "../../../sdk/guest/isolate/lazy-globals.ts";

export const ROOT = join(import.meta.dirname, "../../..");
const FORMS = { bundle: true, target: "node26", conditions: ["development"], logLevel: "error" as const };
let guest: string;
let product: Product | null = null;

/** Builds the guest's programs for this file's tests, and takes each test's product away after it. */
export function useIsolates(): void {
  beforeAll(async () => {
    guest = await mkdtemp(join(tmpdir(), "plinth-isolate-"));
    // As a product's folders: a user id of its own has to read it, where the test runs as root.
    await chmod(guest, 0o755);
    const from = (name: string): string => join(ROOT, "sdk/guest/isolate", name);
    await build({ ...FORMS, format: "esm", platform: "node", entryPoints: [from("child.ts")], outfile: join(guest, "child.mjs") });
    await build({ ...FORMS, format: "iife", platform: "neutral", entryPoints: [from("prelude.ts")], outfile: join(guest, "prelude.js") });
    for (const name of LAZY_NAMES)
      await build({ ...FORMS, ...LAZY_FORM, entryPoints: [from(`lazy-${name}.ts`)], outfile: join(guest, lazyFile(name)) });
    process.env.PLINTH_ISOLATE_GUEST = guest;
  });
  afterAll(() => rm(guest, { recursive: true, force: true }));
  afterEach(disposeProduct);
}

export async function disposeProduct(): Promise<void> {
  await product?.dispose();
  product = null;
}

export const homeOf = (): string => (product as Product).home;

async function tier(): Promise<Source> {
  const manifest = JSON.parse(await readFile(join(import.meta.dirname, "plinth.json"), "utf8"));
  return { manifest, code: `export { default } from ${JSON.stringify(join(import.meta.dirname, "index.ts"))};` };
}

/** A tool whose body is `code`, with what stands before it in its module. */
export const tool = (id: string, code: string, more: object = {}, before = ""): Source => ({
  manifest: {
    id,
    tiers: ["isolate", "process"],
    provides: [
      {
        contract: "plinth.tool",
        version: "1.0.0",
        id: id.replace(".", "_"),
        descriptor: { description: id, input: { type: "object" }, effects: [] },
      },
    ],
    ...more,
  },
  code: `${before}
    const text = (value) => ({ content: [{ type: "text", text: typeof value === "string" ? value : JSON.stringify(value) ?? "undefined" }] });
    export default defineExtension({ activate(ctx) { ctx.provide("plinth.tool", "${id.replace(".", "_")}", { async call({ args }, call) { ${code} } }); } });`,
});

export async function start(
  sources: Source[],
  config: object = {},
  { tierName = "isolate", others = [], policy = {} }: { tierName?: string; others?: Source[]; policy?: object } = {},
): Promise<Host> {
  product = await Product.create(await tier(), ...sources, ...others);
  await symlink(join(ROOT, "node_modules"), join(product.root, "node_modules"));
  const extensions = Object.fromEntries(sources.map(({ manifest }) => [manifest.id, { tier: tierName }]));
  return product.boot({ config: JSON.stringify({ policy, extensions: { ...extensions, "plinth.tier-isolate": { config } } }) });
}

export const use = (host: Host, id: string, args: object = {}): Promise<string> =>
  call(host, "plinth.tool", id.replace(".", "_"), "call", { args }, OWNER).then((result) => result.content[0].text);

/** The error that it fails with. */
export const fails = (host: Host, id: string, args: object = {}): Promise<{ code: string; extension?: string; message: string; details?: unknown }> =>
  use(host, id, args).then(
    (said) => Promise.reject(new Error(`it answered ${said.slice(0, 200)}`)),
    (thrown) => thrown,
  );

/** `good.one` answers all the time. */
export async function steady(host: Host): Promise<void> {
  for (let turn = 0; turn < 20; turn++) {
    expect(await use(host, "good.one")).toBe("fine");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** The processes that hold isolates of this one, inside their walls. */
export async function isolateProcesses(of = process.pid): Promise<number[]> {
  const text = await readFile(`/proc/${of}/task/${of}/children`, "utf8").catch(() => "");
  const found: number[] = [];
  for (const pid of text.split(" ").map(Number).filter(Boolean)) {
    const command = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
    if (!command.includes("child.mjs")) continue;
    const inner = await isolateProcesses(pid);
    found.push(...(inner.length > 0 ? inner : [pid]));
  }
  return found;
}
