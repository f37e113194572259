/** A home with the plugin manager, a scripted host and a real registry, for this folder's tests. */
import { createHash } from "node:crypto";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { keyFromSeed, packFiles, publish, RegistryTrust, roleKeysFromSeed } from "@plinth/registry";
import { type Client, type ExtensionStatus, errorInfo, type Manifest, PlinthError, type Principal } from "@plinth/sdk";
import { createTestHost, type TestHostOptions } from "@plinth/sdk/testing";
import { onTestFinished } from "vitest";
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

export function dicePackage(version?: string, more?: object, code = ""): Promise<Buffer> {
  return packFiles([
    ["plinth.json", JSON.stringify(diceManifest(version, more))],
    ["index.js", `export default { activate() {} };${code} // ${version}\n`],
  ]);
}

export interface HouseOptions extends Pick<TestHostOptions, "extensions" | "provide"> {
  config?: object;
  /** Makes host-admin's method fail. */
  failing?: { inspect?: string; install?: string };
  /** Folder names to put into staging beforehand, with their age in minutes. */
  leftovers?: Record<string, number>;
  granted?: boolean;
  /** The registry signs its state. */
  signed?: boolean;
}

interface PackageInput {
  dir: string;
  digest: string;
  consent: string;
  source: string;
}

type Described = Awaited<ReturnType<Client<"plinth.host">["describe"]>>;
export type Grant = NonNullable<Awaited<ReturnType<Client<"plinth.host">["grants"]>>["grants"][string]>;

/** It is closed, and what it left is removed, when its test is over. */
export async function openHouse(options: HouseOptions = {}) {
  const folder = await mkdtemp(join(tmpdir(), "plinth-plugins-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const registry = join(folder, "registry");
  const key = keyFromSeed("demo", Buffer.alloc(32, 1));
  await publish({ registry, tarball: await dicePackage("1.0.0"), key, name: "sample" });
  const trust = options.signed === true ? await RegistryTrust.open(registry, roleKeysFromSeed("sample")) : undefined;
  const signing = trust === undefined ? {} : { trust };
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
  const grants = new Map<string, Grant>();
  /** What the host says besides what was installed, by extension; tests write into it. */
  const said = new Map<string, Partial<Described>>();
  const hostSays: { problems: object[]; safeMode: boolean; draining: number[]; config?: { extensions?: Record<string, string | object> } } = {
    problems: [],
    safeMode: false,
    draining: [],
  };
  const storeOf = (id: string) => join(folder, "store", id);
  const admin = {
    async inspect({ dir }: { dir: string }) {
      fail("inspect");
      const { manifest, digest } = await read(dir);
      const before = installed.get(manifest.id);
      const asks = (manifest.permissions?.net ?? []).map((host) => `reach ${host}`);
      const widens = asks.filter((ask) => !(before?.manifest.permissions?.net ?? []).map((host) => `reach ${host}`).includes(ask));
      const consent = { hash: consentOf(digest), granted: options.granted ?? false, asks, widens: before ? widens : [] };
      return { id: manifest.id, version: manifest.version, digest, manifest, consent, ...(before ? { replaces: before.manifest.version } : {}) };
    },
    async inspectSet({ dirs }: { dirs: string[] }): Promise<{ candidates: object[] }> {
      const candidates = [];
      for (const dir of dirs) candidates.push(await admin.inspect({ dir }));
      return { candidates };
    },
    async installSet({ packages }: { packages: PackageInput[] }): Promise<object> {
      calls.push({ method: "install", input: packages.length === 1 ? packages[0] : packages });
      fail("install");
      const installed = [];
      for (const one of packages) installed.push(await admin.install(one));
      return { installed, generation: 2 };
    },
    async install(input: PackageInput): Promise<object> {
      const { manifest, digest } = await read(input.dir);
      if (digest !== input.digest || input.consent !== consentOf(digest)) throw new PlinthError("PLINTH_DIGEST", "Changed.");
      const { dir: _dir, consent: _consent, ...lock } = input;
      installed.set(manifest.id, { manifest, lock: { version: manifest.version, ...lock } });
      await rm(storeOf(manifest.id), { recursive: true, force: true });
      await cp(input.dir, storeOf(manifest.id), { recursive: true });
      const asks = (manifest.permissions?.net ?? []).map((host) => `reach ${host}`);
      grants.set(manifest.id, { consent: consentOf(digest), digest, version: manifest.version, at: 1_000, by: "test", permissions: {}, asks });
      return { id: manifest.id, version: manifest.version, generation: 2 };
    },
    uninstall(input: { id: string }) {
      calls.push({ method: "uninstall", input });
      installed.delete(input.id);
      return { generation: 3 };
    },
    enable(input: { id: string; enabled: boolean }) {
      calls.push({ method: "enable", input });
      said.delete(input.id);
      return { generation: 4 };
    },
    grant({ id, scope, expiresAt, pins }: { id: string; scope?: Record<string, string> | null; expiresAt?: number | null; pins?: Grant["pins"] }) {
      calls.push({ method: "grant", input: { id, scope, expiresAt } });
      if (pins !== undefined) grants.set(id, { ...(grants.get(id) as Grant), pins });
      const { scope: oldScope, expiresAt: oldEnd, ...rest } = grants.get(id) as Grant;
      const newScope = scope === undefined ? oldScope : (scope ?? undefined);
      const newEnd = expiresAt === undefined ? oldEnd : (expiresAt ?? undefined);
      const grant = { ...rest, ...(newScope === undefined ? {} : { scope: newScope }), ...(newEnd === undefined ? {} : { expiresAt: newEnd }) };
      grants.set(id, grant);
      return grant;
    },
    configSet({ path, value }: { path: string; value?: unknown }) {
      calls.push({ method: "configSet", input: { path, value } });
      const id = /^extensions\["([^"]+)"\]$/.exec(path)?.[1];
      const { [id ?? ""]: _old, ...others } = hostSays.config?.extensions ?? {};
      if (id !== undefined) hostSays.config = { extensions: value === undefined ? others : { ...others, [id]: value as string } };
      return { generation: 6 };
    },
    revoke(input: { id: string }) {
      calls.push({ method: "revoke", input });
      grants.delete(input.id);
      return { generation: 5 };
    },
    importGrants({ grants: given }: { grants: Record<string, Grant> }) {
      calls.push({ method: "importGrants", input: given });
      for (const [id, grant] of Object.entries(given)) grants.set(id, grant);
      return { imported: Object.keys(given), skipped: [] };
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
      uptimeMs: 1,
      memory: { rss: 1 },
      ...hostSays,
      extensions: [
        statusOf(manifest as unknown as Manifest, true),
        ...[...installed.values()].map((one) => ({ ...statusOf(one.manifest, false), ...said.get(one.manifest.id)?.status })),
      ],
    }),
    describe: ({ id }: { id: string }) => {
      const found = installed.get(id);
      const enforcement = { level: "partial", detail: ["a process of its own"] };
      if (id === manifest.id) return { status: statusOf(manifest as unknown as Manifest, true), manifest, enforcement };
      if (!found) throw new PlinthError("PLINTH_NOT_INSTALLED", `${id} is not installed.`);
      const grant = grants.get(id);
      const { status, ...more } = said.get(id) ?? {};
      return {
        status: { ...statusOf(found.manifest, false), ...status },
        manifest: found.manifest,
        lock: found.lock,
        dir: storeOf(id),
        ...(grant === undefined ? {} : { grant }),
        enforcement,
        ...more,
      };
    },
    grants: () => ({ grants: Object.fromEntries(grants) }),
    explain: ({ id }: { id: string }) => ({ reasons: [`${id} is ready`] }),
  };
  const kernel = {
    snapshot: () => ({
      version: "0.1.0",
      home: folder,
      configFile: join(folder, "plinth.json"),
      config: hostSays.config ?? {},
      generation: 1,
      draining: [],
      problems: [],
      records: [
        { manifest, digest: "0".repeat(128), bundled: true },
        ...[...installed.values()].map((one) => ({ manifest: one.manifest, digest: one.lock.digest, bundled: false, dir: storeOf(one.manifest.id) })),
      ],
      blocked: new Map(),
      disabled: new Set(),
      reasons: new Map(),
      capabilities: new Map(),
      lock: { lockfile: 1, extensions: Object.fromEntries([...installed].map(([id, { lock }]) => [id, lock])) },
      packages: {},
      grants,
    }),
    blocked: () => ({}),
  };
  const test = await createTestHost({
    extensions: [
      { manifest, extension, config: options.config ?? { registries: [{ name: "sample", url: registry }], release: { minimumAgeHours: 0 } } },
      ...(options.extensions ?? []),
    ],
    provide: [
      { contract: "plinth.host", descriptor: { title: "scripted" }, provider: host },
      { contract: "plinth.host-admin", descriptor: { title: "scripted" }, provider: admin },
      { contract: "plinth.kernel", descriptor: { title: "scripted" }, provider: kernel },
      ...(options.provide ?? []),
    ],
  });
  onTestFinished(() => test.close());
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
    grants,
    said,
    hostSays,
    storeOf,
    calls,
    staged: () => readdir(staging).catch(() => [] as string[]),
    /** Any package, signed by the publisher that its id names. */
    publishAs: async (id: string, version: string, more: object = {}, files: [string, string][] = []) => {
      const manifest = { ...diceManifest(version, { provides: [], ...more }), id, title: id };
      const tarball = await packFiles([["plinth.json", JSON.stringify(manifest)], ["index.js", `// ${id} ${version}\n`], ...files]);
      await publish({ registry, tarball, key: keyFromSeed(id.split(".")[0] as string, Buffer.alloc(32, 7)), ...signing });
    },
    publish: async (version: string, more?: object, code?: string) =>
      publish({ registry, tarball: await dicePackage(version, more, code), key, ...signing }),
    /** The registry's own hand, where it signs. */
    trust,
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
      const seen = { out: "", err: "", exit: 0, result: undefined as any, confirm: undefined as { question: string; argv: string[] } | undefined };
      const terminal = { cwd: folder, json: false, tty: false, columns: 100, color: false, local: true };
      await test.as(who, async () => {
        for await (const item of test
          .use("plinth.cli-command")
          .get(name.includes(".") ? name : `plugins.${name}`)
          .run({ args, options, terminal })) {
          if ("out" in item) seen.out += item.out;
          else if ("err" in item) seen.err += item.err;
          else if ("result" in item) seen.result = item.result;
          else if ("exit" in item) seen.exit = item.exit;
          else if ("confirm" in item) seen.confirm = item.confirm;
        }
      });
      return seen;
    },
    api: (name: string, params: unknown, who: Principal = owner): Promise<any> =>
      test.as(who, () =>
        test
          .use("plinth.gateway-method")
          .get(name.includes(".") ? name : `plugins.${name}`)
          .call(params),
      ),
  };
}

/** As the host makes it: bound to the digest, and in hexadecimal digits. */
function consentOf(digest: string): string {
  return createHash("sha256").update(`consent ${digest}`).digest("hex");
}

/** The code that a failing promise carries, or undefined. */
export async function codeOf(promise: Promise<unknown>): Promise<string | undefined> {
  return promise.then(
    () => undefined,
    (thrown) => errorInfo(thrown).code,
  );
}
