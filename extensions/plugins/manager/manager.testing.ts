/** A home with the plugin manager, a scripted host and a real registry, for this folder's tests. */
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { keyFromSeed, packFiles, publish } from "@plinth/registry";
import { type ExtensionStatus, errorInfo, type Manifest, PlinthError, type Principal } from "@plinth/sdk";
import { createTestHost, type TestHostOptions } from "@plinth/sdk/testing";
import extension from "./index.ts";
import manifest from "./plinth.json" with { type: "json" };

export const owner: Principal = { role: "owner", via: "test" };
export const guest: Principal = { role: "guest", via: "test" };

export function diceManifest(version = "1.0.0", more: object = {}) {
  const tool = { description: "Rolls dice.", input: { type: "object" }, effects: [], say: ["roll a die"] };
  return {
    id: "demo.dice",
    version,
    title: "Dice",
    description: "Rolls dice.",
    engines: { plinth: "^0.1.0" },
    entry: "./index.js",
    provides: [{ contract: "plinth.tool", version: "1.0.0", id: "dice", descriptor: tool }],
    ...more,
  };
}

export function dicePackage(version?: string, more?: object): Promise<Buffer> {
  return packFiles([
    ["plinth.json", JSON.stringify(diceManifest(version, more))],
    ["index.js", `export default { activate() {} }; // ${version}\n`],
  ]);
}

export interface HouseOptions extends Pick<TestHostOptions, "extensions" | "provide"> {
  config?: object;
  /** Makes host-admin's method fail. */
  failing?: { inspect?: string; install?: string };
  /** Folder names to put into staging beforehand, with their age in minutes. */
  leftovers?: Record<string, number>;
  granted?: boolean;
}

export async function openHouse(options: HouseOptions = {}) {
  const folder = await mkdtemp(join(tmpdir(), "plinth-plugins-"));
  const registry = join(folder, "registry");
  const key = keyFromSeed("demo", Buffer.alloc(32, 1));
  await publish({ registry, tarball: await dicePackage("1.0.0"), key, name: "sample" });
  const installed = new Map<string, { manifest: Manifest; lock: Record<string, unknown> & { digest: string } }>();
  const fail = (method: "inspect" | "install") => {
    const code = options.failing?.[method];
    if (code) throw new PlinthError(code, `Scripted failure of ${method}.`);
  };
  const read = async (dir: string) => {
    const files = (await readdir(dir, { withFileTypes: true }))
      .filter((one) => one.isFile())
      .map(({ name }) => name)
      .sort();
    const digest = createHash("sha512");
    for (const name of files) digest.update(`${name}\n`).update(await readFile(join(dir, name)));
    return { manifest: JSON.parse(await readFile(join(dir, "plinth.json"), "utf8")) as Manifest, digest: digest.digest("hex") };
  };
  const calls: { method: string; input: any }[] = [];
  const admin = {
    async inspect({ dir }: { dir: string }) {
      fail("inspect");
      const { manifest, digest } = await read(dir);
      const before = installed.get(manifest.id);
      const asks = (manifest.permissions?.net ?? []).map((host) => `reach ${host}`);
      const widens = asks.filter((ask) => !(before?.manifest.permissions?.net ?? []).map((host) => `reach ${host}`).includes(ask));
      const consent = { hash: `consent-${digest}`, granted: options.granted ?? false, asks, widens: before ? widens : [] };
      return { id: manifest.id, version: manifest.version, digest, manifest, consent, ...(before ? { replaces: before.manifest.version } : {}) };
    },
    async install(input: { dir: string; digest: string; consent: string; source: string }) {
      calls.push({ method: "install", input });
      fail("install");
      const { manifest, digest } = await read(input.dir);
      if (digest !== input.digest || input.consent !== `consent-${digest}`) throw new PlinthError("PLINTH_DIGEST", "Changed.");
      installed.set(manifest.id, { manifest, lock: { ...input } });
      return { id: manifest.id, version: manifest.version, generation: 2 };
    },
    uninstall(input: { id: string }) {
      calls.push({ method: "uninstall", input });
      installed.delete(input.id);
      return { generation: 3 };
    },
    enable(input: { id: string; enabled: boolean }) {
      calls.push({ method: "enable", input });
      return { generation: 4 };
    },
  };
  const statusOf = ({ id, version, title }: Manifest, bundled: boolean): ExtensionStatus => ({
    id,
    version,
    title,
    bundled,
    tier: bundled ? "host" : "isolate",
    state: "ready",
    provides: [],
  });
  const host = {
    status: () => ({
      version: "0.1.0",
      node: "v26",
      pid: 1,
      home: folder,
      generation: 1,
      draining: [],
      safeMode: false,
      uptimeMs: 1,
      memory: { rss: 1 },
      problems: [],
      extensions: [statusOf(manifest as unknown as Manifest, true), ...[...installed.values()].map((one) => statusOf(one.manifest, false))],
    }),
    describe: ({ id }: { id: string }) => {
      const found = installed.get(id);
      const enforcement = { level: "partial", detail: ["a process of its own"] };
      if (id === manifest.id) return { status: statusOf(manifest as unknown as Manifest, true), manifest, enforcement };
      if (!found) throw new PlinthError("PLINTH_NOT_INSTALLED", `${id} is not installed.`);
      return { status: statusOf(found.manifest, false), manifest: found.manifest, lock: found.lock, enforcement };
    },
  };
  const test = await createTestHost({
    extensions: [
      { manifest, extension, config: options.config ?? { registries: [{ name: "sample", url: registry }] } },
      ...(options.extensions ?? []),
    ],
    provide: [
      { contract: "plinth.host", descriptor: { title: "scripted" }, provider: host },
      { contract: "plinth.host-admin", descriptor: { title: "scripted" }, provider: admin },
      ...(options.provide ?? []),
    ],
  });
  const staging = join(test.home, "state", "plinth.plugins", "staging");
  for (const [name, minutes] of Object.entries(options.leftovers ?? {})) {
    await mkdir(join(staging, name), { recursive: true });
    await writeFile(join(staging, name, "plinth.json"), "{}");
    const then = new Date(Date.now() - minutes * 60_000);
    await utimes(join(staging, name), then, then);
  }
  return {
    test,
    folder,
    registry,
    key,
    installed,
    calls,
    staged: () => readdir(staging).catch(() => [] as string[]),
    publish: async (version: string, more?: object) => publish({ registry, tarball: await dicePackage(version, more), key }),
    /** `/plugins …` as somebody types it. */
    async chat(args: string, who: Principal = owner, sessionKey = "main") {
      const seen = { text: "", progress: [] as string[], suggest: [] as { label: string; text: string }[] };
      await test.as(who, async () => {
        for await (const item of test.use("plinth.chat-command").get("plugins").run({ args, sessionKey })) {
          if ("text" in item) seen.text += item.text;
          else if ("progress" in item) seen.progress.push(item.progress);
          else seen.suggest.push(...item.suggest);
        }
      });
      return seen;
    },
    /** `plinth plugins …` as the dispatcher calls it. */
    async shell(name: string, args: Record<string, string> = {}, options: Record<string, string | boolean> = {}, who: Principal = owner) {
      const seen = { out: "", err: "", result: undefined as any, confirm: undefined as { question: string; argv: string[] } | undefined };
      const terminal = { cwd: folder, json: false, tty: false, columns: 100, color: false, local: true };
      await test.as(who, async () => {
        for await (const item of test.use("plinth.cli-command").get(`plugins.${name}`).run({ args, options, terminal })) {
          if ("out" in item) seen.out += item.out;
          else if ("err" in item) seen.err += item.err;
          else if ("result" in item) seen.result = item.result;
          else if ("confirm" in item) seen.confirm = item.confirm;
        }
      });
      return seen;
    },
    api: (name: string, params: unknown, who: Principal = owner): Promise<any> =>
      test.as(who, () => test.use("plinth.gateway-method").get(`plugins.${name}`).call(params)),
    async close() {
      await test.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** The code that a failing promise carries, or undefined. */
export async function codeOf(promise: Promise<unknown>): Promise<string | undefined> {
  return promise.then(
    () => undefined,
    (thrown) => errorInfo(thrown).code,
  );
}
