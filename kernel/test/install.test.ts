import { mkdirSync, renameSync } from "node:fs";
import { appendFile, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Host } from "../host.ts";
import { admin, call, codeOf, GUEST, install, OWNER, Product, snapshot } from "./product.ts";
import { lab, type Source, usesLab, wordsExtension } from "./sources.ts";

let product: Product;
let host: Host;
beforeEach(async () => {
  product = await Product.create(wordsExtension);
  host = await product.boot();
});
afterEach(() => product.dispose());

/** Everything in the home, by path, with the contents of the files that say what is installed. */
async function homeOf(): Promise<Record<string, string>> {
  await host.supervisor.flushed();
  const found: Record<string, string> = {};
  for (const entry of await readdir(product.home, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const name = path.slice(product.home.length + 1);
    found[name] = entry.isFile() && !name.startsWith("state/") ? await readFile(path, "utf8") : "";
  }
  delete found.host;
  delete found["host/faults.json"];
  delete found["host/writers.db"];
  if (found["installed.json"]?.includes('"records":[],"removed":[]}')) delete found["installed.json"];
  // An empty folder is nothing.
  delete found.store;
  return found;
}
const acme = (code: Parameters<typeof lab>[1] = {}, manifest: Parameters<typeof lab>[2] = {}): Source => lab("acme.calm", code, manifest);
const version = async (): Promise<string> => (await call(host, "test.words.lab", "calm", "run")).version;

it("install, use, update, use, uninstall: all in one process, and the home ends as it began", async () => {
  await install(host, await product.package(acme()));
  const one = await homeOf();
  expect(await version()).toBe("1.0.0");
  await install(host, await product.package(acme({}, { version: "1.1.0" })));
  expect(await version()).toBe("1.1.0");
  await expect.poll(async () => (await readdir(join(product.home, "store"))).length).toBe(1);
  await admin(host, "uninstall", { id: "acme.calm" });
  expect(await codeOf(version())).toBe("PLINTH_CAPABILITY_MISSING");
  await expect.poll(() => readdir(join(product.home, "store"))).toEqual([]);
  const end = await homeOf();
  expect(JSON.parse(end["plinth.lock"] as string)).toEqual({ lockfile: 1, extensions: {} });
  expect(end["installed.json"]).toBeUndefined();
  expect(JSON.parse(await product.readHome("installed.json"))).toMatchObject({ grants: {}, records: [], removed: [] });
  expect(Object.keys(one).filter((name) => name.startsWith("store/"))).not.toEqual([]);
});

it("what is installed is there after the next boot, with the same bytes in the lock", async () => {
  await install(host, await product.package(acme()));
  const lock = await product.readHome("plinth.lock");
  await host.stop();
  host = await product.boot();
  expect(await version()).toBe("1.0.0");
  expect(await product.readHome("plinth.lock")).toBe(lock);
  expect(lock.endsWith("}\n")).toBe(true);
});

it("what was committed and cannot be read is set aside: the lock and the store say what is here, and nothing of it is granted", async () => {
  await install(host, await product.package(acme()));
  await host.stop();
  await writeFile(join(product.home, "installed.json"), "{ half");
  host = await product.boot();
  expect(host.current.plan.blocked.get("acme.calm")?.code).toBe("PLINTH_CONSENT_NEEDED");
  expect((await snapshot(host)).problems).toEqual([expect.objectContaining({ code: "PLINTH_STATE_CORRUPT" })]);
  expect(await product.readHome("installed.json.bad")).toBe("{ half");
  expect(await codeOf(call(host, "test.words.lab", "words", "who"))).toBe("none");
  await install(host, await product.package(acme()));
  expect(await version()).toBe("1.0.0");
});

it("a home of an earlier version, with three files, is read, and becomes one file with the next change", async () => {
  await install(host, await product.package(acme()));
  await host.stop();
  const { grants, records } = JSON.parse(await product.readHome("installed.json"));
  await writeFile(join(product.home, "grants.json"), JSON.stringify({ grants }));
  await writeFile(join(product.home, "index.json"), JSON.stringify({ index: 1, records }));
  await rm(join(product.home, "installed.json"));
  host = await product.boot();
  expect(await version()).toBe("1.0.0");
  await admin(host, "grant", { id: "acme.calm", expiresAt: Date.now() + 60_000 });
  expect(await readdir(product.home)).not.toEqual(expect.arrayContaining(["grants.json"]));
  expect(await readdir(product.home)).not.toEqual(expect.arrayContaining(["index.json"]));
  expect(JSON.parse(await product.readHome("installed.json"))).toMatchObject({ records, grants: { "acme.calm": { digest: records[0].digest } } });
});

it("a package that vanished from the store is a problem of its own; the rest runs", async () => {
  await install(host, await product.package(acme()));
  await host.stop();
  await rm(join(product.home, "installed.json"));
  await rm(join(product.home, "store"), { recursive: true });
  host = await product.boot();
  expect((await snapshot(host)).problems).toEqual([expect.objectContaining({ code: "PLINTH_DIGEST", extension: "acme.calm" })]);
  expect(await codeOf(call(host, "test.words.lab", "words", "who"))).toBe("none");
});

describe("nothing is installed", () => {
  const refused: [string, string, () => Promise<unknown>][] = [
    ["without an owner", "PLINTH_PERMISSION", async () => install(host, await product.package(acme()), GUEST)],
    [
      "with the consent for something else",
      "PLINTH_CONSENT_NEEDED",
      async () => {
        const dir = await product.package(acme());
        const { digest } = await admin(host, "inspect", { dir });
        return admin(host, "install", { dir, digest, consent: "0".repeat(64), source: "x", pinnedBy: "operator", reason: "x" });
      },
    ],
    [
      "when its files changed after they were shown",
      "PLINTH_DIGEST",
      async () => {
        const dir = await product.package(acme());
        const { digest, consent } = await admin(host, "inspect", { dir });
        await appendFile(join(dir, "index.js"), "\n// more");
        return admin(host, "install", { dir, digest, consent: consent.hash, source: "x", pinnedBy: "operator", reason: "x" });
      },
    ],
    [
      "when it uses a contract that nobody defines",
      "PLINTH_CONTRACT_UNKNOWN",
      async () => install(host, await product.package(acme({}, { uses: [{ contract: "test.words.lob", range: "^1" }] }))),
    ],
    [
      "when it uses a version that is not here",
      "PLINTH_VERSION_CONFLICT",
      async () => install(host, await product.package(acme({}, { uses: [{ contract: "test.words.lab", range: "^2" }] }))),
    ],
    [
      "when it is for another host",
      "PLINTH_VERSION_CONFLICT",
      async () => install(host, await product.package(acme({}, { engines: { plinth: "^9" } }))),
    ],
    [
      "when it needs an extension that is not here",
      "PLINTH_DEPENDENCY_MISSING",
      async () => install(host, await product.package(acme({}, { extensions: { "acme.geo": "^1" } }))),
    ],
    ["when it needs itself", "PLINTH_CYCLE", async () => install(host, await product.package(acme({}, { extensions: { "acme.calm": "^1" } })))],
    [
      "when its hooks go in a circle",
      "PLINTH_CYCLE",
      async () => install(host, await product.package(acme({}, { hooks: [{ on: "test.words.told", before: ["acme.calm"] }] }))),
    ],
    [
      "when it has the id of a part of the product",
      "PLINTH_CAPABILITY_CONFLICT",
      async () => install(host, await product.package(lab("test.words"))),
    ],
    ["when another one provides that already", "PLINTH_CAPABILITY_CONFLICT", async () => install(host, await product.package(lab("acme.words")))],
    ["when it has no manifest", "PLINTH_MANIFEST_INVALID", async () => admin(host, "inspect", { dir: product.root })],
    [
      "when its entry is not in it",
      "PLINTH_MANIFEST_INVALID",
      async () => install(host, await product.package({ manifest: { ...acme().manifest, entry: "./gone.js" } })),
    ],
    [
      "when it has no code for what it provides",
      "PLINTH_MANIFEST_INVALID",
      async () => {
        const provides = [{ contract: "plinth.kv-store", version: "1.0.0", id: "x", descriptor: { title: "X" } }];
        return install(host, await product.package({ manifest: { id: "acme.calm", provides } }));
      },
    ],
    [
      "when its start throws",
      "PLINTH_EXTENSION_FAILED",
      async () => install(host, await product.package(acme({ activate: 'throw new Error("no");' }))),
    ],
    [
      "when its start ends the process",
      "PLINTH_EXTENSION_EXITED",
      async () => install(host, await product.package(acme({ activate: "process.exit();" }))),
    ],
    ["when it cannot be parsed", "PLINTH_EXTENSION_FAILED", async () => install(host, await product.package({ ...acme(), code: "throw 1;" }))],
    [
      "when it holds a link",
      "PLINTH_PACKAGE",
      async () => {
        const dir = await product.package(acme());
        const { symlink } = await import("node:fs/promises");
        await symlink("/etc/passwd", join(dir, "more"));
        return install(host, dir);
      },
    ],
  ];

  it.each(refused)("%s", async (_why, code, attempt) => {
    const before = await homeOf();
    const generation = host.current.number;
    expect(await codeOf(attempt())).toBe(code);
    expect(await homeOf()).toEqual(before);
    expect(host.current.number).toBe(generation);
    expect(host.supervisor.fault("acme.calm")).toBeUndefined();
    expect(await codeOf(call(host, "test.words.lab", "words", "who"))).toBe("none");
  });

  it("and nothing of a failed first start stays: neither its folder nor its process", async () => {
    const before = await homeOf();
    const activate = '(await import("node:fs")).writeFileSync(ctx.dataDir + "/left", "x"); throw new Error("no");';
    expect(await codeOf(install(host, await product.package(acme({ activate }, { permissions: { fs: ["data"] } }))))).toBe("PLINTH_EXTENSION_FAILED");
    expect(await homeOf()).toEqual(before);
  });
});

describe("an update that fails", () => {
  beforeEach(async () => void (await install(host, await product.package(acme()))));

  it("in its trial leaves the old version running, with its lock, index and grant", async () => {
    const before = await homeOf();
    const generation = host.current;
    const broken = acme({ activate: 'throw new Error("no")' }, { version: "2.0.0" });
    expect(await codeOf(install(host, await product.package(broken)))).toBe("PLINTH_EXTENSION_FAILED");
    expect(await homeOf()).toEqual(before);
    expect(host.current).toBe(generation);
    expect(await version()).toBe("1.0.0");
  });

  it("in its health check puts everything back", async () => {
    // Starts in its trial, fails the second time: a mark outlives the trial.
    const activate =
      'const fs = await import("node:fs"); const mark = ctx.dataDir + "/mark"; if (fs.existsSync(mark)) throw new Error("second start"); fs.writeFileSync(mark, "");';
    const before = await homeOf();
    const generation = host.current;
    const dir = await product.package(acme({ activate }, { version: "2.0.0", permissions: { fs: ["data"] } }));
    await expect(install(host, dir)).rejects.toMatchObject({ message: "second start" });
    expect(await homeOf()).toEqual(before);
    expect(host.current).toBe(generation);
    expect(await version()).toBe("1.0.0");
  });
});

it("an inspection says what it asks for, and what an update asks for in addition", async () => {
  const first = await admin(host, "inspect", { dir: await product.package(acme({}, { permissions: { net: ["a.example"] } })) });
  expect(first).toMatchObject({ id: "acme.calm", version: "1.0.0", consent: { granted: false, widens: [] } });
  expect(first.consent.asks).toContain("connect to a.example");
  await install(host, await product.package(acme({}, { permissions: { net: ["a.example"] } })));
  const next = acme({}, { version: "1.1.0", permissions: { net: ["a.example", "b.example"] } });
  const second = await admin(host, "inspect", { dir: await product.package(next) });
  expect(second).toMatchObject({ replaces: "1.0.0", consent: { granted: false, widens: ["connect to b.example"] } });
  expect(second.consent.hash).not.toBe(first.consent.hash);
});

it.each(["host", "process"])("a file that was tampered with after the install is refused before it runs (%s)", async (tier) => {
  const activate = '(await import("node:fs")).writeFileSync(ctx.dataDir + "/ran", "");';
  await install(host, await product.package(acme({ activate }, { permissions: { fs: ["data"] } })));
  await admin(host, "configSet", { path: 'extensions["acme.calm"].tier', value: tier });
  await host.stop();
  const [name = ""] = await readdir(join(product.home, "store"));
  await appendFile(join(product.home, "store", name, "index.js"), "\n;");
  const { rm } = await import("node:fs/promises");
  await rm(join(product.home, "state/acme.calm/ran"), { force: true });
  host = await product.boot();
  await expect(version()).rejects.toMatchObject({ code: "PLINTH_DIGEST", extension: "acme.calm" });
  expect((await homeOf())["state/acme.calm/ran"]).toBeUndefined();
  expect(host.supervisor.fault("acme.calm")).toMatchObject({ phase: "load", code: "PLINTH_DIGEST" });
});

it("a file that was added to an installed package counts as tampering", async () => {
  await install(host, await product.package(acme()));
  await host.stop();
  const [name = ""] = await readdir(join(product.home, "store"));
  await writeFile(join(product.home, "store", name, "more.js"), "");
  host = await product.boot();
  expect(await codeOf(version())).toBe("PLINTH_DIGEST");
});

it("asks nobody to consent to a folder that holds the home, lies in it, or is the system's", async () => {
  const inspect = async (fs: string) => codeOf(admin(host, "inspect", { dir: await product.package(acme({}, { permissions: { fs: [fs] } })) }));
  const { home, root } = product;
  for (const fs of [home, `${home}/state:ro`, `${home}/state/acme.other`, root, `${root}:ro`, "/tmp", "/", "/:ro"])
    expect([fs, await inspect(fs)]).toEqual([fs, "PLINTH_FOLDER"]);
  for (const fs of ["/proc", "/proc/self/root:ro", "/sys", "/dev/shm", "/run", "/run/user/1000:ro"])
    expect([fs, await inspect(fs)]).toEqual([fs, "PLINTH_MANIFEST_INVALID"]);
  for (const fs of ["data", "workspace", `${home}/workspace/project`, "/srv/notes:ro", "/running", "/development"])
    expect([fs, await inspect(fs)]).toEqual([fs, "none"]);
});

describe("uninstalling", () => {
  it("wipes what it stored, unless that is kept", async () => {
    const keeping = acme({ run: 'if (input.set) await ctx.store.set("k", input.set); return (await ctx.store.get("k")) ?? null;' });
    const dir = await product.package(keeping);
    for (const keepData of [true, false]) {
      await install(host, dir);
      await call(host, "test.words.lab", "calm", "run", { set: "v" });
      await admin(host, "uninstall", { id: "acme.calm", keepData });
      await install(host, dir);
      expect(await call(host, "test.words.lab", "calm", "run")).toBe(keepData ? "v" : null);
      await admin(host, "uninstall", { id: "acme.calm" });
    }
  });

  it("keeps it for who had signed it, and for nobody else who brings the same id, nor after one who failed", async () => {
    const run = `
      const { existsSync, writeFileSync } = await import("node:fs");
      const file = ctx.dataDir + "/file";
      if (!input.set) return [(await ctx.store.get("k")) ?? null, existsSync(file)];
      await ctx.store.set("k", input.set);
      writeFileSync(file, "x");`;
    const source = acme({ run }, { permissions: { fs: ["data"] } });
    const dir = await product.package(source);
    const signedBy = async (keyId?: string, from = dir): Promise<unknown> => {
      const { digest, consent, kept } = await admin(host, "inspect", { dir: from });
      const signature = keyId === undefined ? {} : { registry: "acme", signature: { keyId, signature: "x" } };
      await admin(host, "install", {
        dir: from,
        digest,
        consent: consent.hash,
        source: "registry:acme.calm@1.0.0",
        ...signature,
        pinnedBy: "operator",
        reason: "",
      });
      return kept;
    };
    const found = () => call(host, "test.words.lab", "calm", "run", {});
    const leave = () => admin(host, "uninstall", { id: "acme.calm", keepData: true });
    expect(await signedBy("1".repeat(16))).toEqual([]);
    await call(host, "test.words.lab", "calm", "run", { set: "ours" });
    await leave();
    for (const keyId of ["2".repeat(16), undefined]) {
      expect(await signedBy(keyId)).toEqual(["key 1111111111111111"]);
      expect(await found()).toEqual([null, false]);
      await leave();
    }
    const broken = await product.package(acme({ activate: 'throw new Error("no");' }, { permissions: { fs: ["data"] } }));
    await expect(signedBy("1".repeat(16), broken)).rejects.toThrow();
    expect(await signedBy("1".repeat(16))).toEqual(["key 1111111111111111"]);
    expect(await found()).toEqual(["ours", true]);
  });

  it("ends what still writes, and leaves the next one of this id an empty folder, whatever shape its data had", async () => {
    const run = `
      const { readdirSync, writeFileSync } = await import("node:fs");
      if (!input.write) return readdirSync(ctx.dataDir);
      let n = 0;
      const timer = setInterval(() => writeFileSync(ctx.dataDir + "/file" + n++, "x"), 5);
      ctx.effect("writing", () => clearInterval(timer));`;
    const writing = await product.package(acme({ run }, { permissions: { fs: ["data"] } }));
    await install(host, writing);
    await call(host, "test.words.lab", "calm", "run", { write: true });
    await expect.poll(() => call(host, "test.words.lab", "calm", "run", {})).toContain("file5");
    nest(join(product.home, "state", "acme.calm"), 200);
    await admin(host, "uninstall", { id: "acme.calm" });
    expect(await readdir(join(product.home, "state"))).not.toContain("acme.calm");
    expect(await readdir(product.home)).not.toContain("trash");
    await install(host, writing);
    expect(await call(host, "test.words.lab", "calm", "run", {})).toEqual([]);
  });

  it("is refused for the product's own, for what is not there, and for what others need", async () => {
    await install(host, await product.package(acme()));
    await install(host, await product.package(lab("acme.other", {}, { extensions: { "acme.calm": "^1" } })));
    expect(await codeOf(admin(host, "uninstall", { id: "test.words" }))).toBe("PLINTH_BUNDLED");
    expect(await codeOf(admin(host, "uninstall", { id: "acme.gone" }))).toBe("PLINTH_NOT_INSTALLED");
    expect(await codeOf(admin(host, "uninstall", { id: "acme.calm" }))).toBe("PLINTH_NEEDED");
    expect(await codeOf(admin(host, "uninstall", { id: "acme.calm" }, GUEST))).toBe("PLINTH_PERMISSION");
    expect(await version()).toBe("1.0.0");
  });
});

it("changes wait for each other: of two installs at once both are in the end", async () => {
  const dirs = await Promise.all([product.package(acme()), product.package(lab("acme.other", {}, usesLab))]);
  await Promise.all(dirs.map((dir) => install(host, dir)));
  expect(host.current.list("test.words.lab").map((one) => one.id)).toEqual(["calm", "other", "words"]);
  expect(Object.keys(JSON.parse(await product.readHome("plinth.lock")).extensions)).toEqual(["acme.calm", "acme.other"]);
});

it("when the host stops, changes are refused", async () => {
  await host.stop();
  expect(await codeOf(admin(host, "enable", { id: "test.words", enabled: true }, OWNER))).toBe("PLINTH_STOPPING");
});

/** Folders within folders, deeper than a path can name; in one go, before anybody measures them. */
function nest(dir: string, depth: number): void {
  const [outer, inner] = [join(dir, "b"), join(dir, "a")];
  mkdirSync(inner);
  for (let at = 0; at < depth; at++) {
    mkdirSync(outer);
    renameSync(inner, join(outer, "n".repeat(100)));
    renameSync(outer, inner);
  }
}
