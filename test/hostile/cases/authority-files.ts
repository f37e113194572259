import { readdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "vitest";
import { installed, PROBE } from "../authority.testing.ts";
import { both, by, type HostileCase, type Stop } from "../case.ts";

/** Which of the two walls speaks first depends on what this machine has; each refuses by itself. */
const WALLS: readonly Stop[] = [
  by("permission model", "ERR_ACCESS_DENIED"),
  by("system wall", "ENOENT"),
  by("system wall", "EACCES"),
  by("system wall", "EPERM"),
  by("system wall", "EROFS"),
];
const TOP = `import fs from "node:fs"; import os from "node:os"; import path from "node:path"; ${PROBE}`;
const reading = (paths: readonly string[]): string =>
  `const paths = ${JSON.stringify(paths)}; return probe(Object.fromEntries(paths.map((one) => [one, () => fs.readFileSync(one, "utf8")])));`;

/** What lies on the machine outside of the granted folders, and what Plinth keeps for itself. */
export const cases: HostileCase[] = [
  {
    id: "files-in-an-isolate",
    tries: "looks for any way to files: require, process, Deno, Bun, fetch of file:, source maps, imports",
    phase: "call",
    stopped: { isolate: by("no such thing inside", "ReferenceError") },
    top: PROBE,
    parts: ({ secretFile }) => ({
      code: `
        const path = ${JSON.stringify(secretFile)};
        return probe({
          require: () => (0, eval)("require")("fs").readFileSync(path, "utf8"), process: () => process.getBuiltinModule("fs").readFileSync(path, "utf8"),
          deno: () => Deno.readTextFileSync(path), bun: () => Bun.file(path), fetch: () => fetch("file://" + path), host: () => ctx.fetch("file://" + path),
          script: () => (0, eval)("//# sourceURL=file://" + path + "\\nrequire"), folder: () => ctx.dataDir, worker: () => new Worker(path), load: () => load(path), read: () => read(path),
        });`,
    }),
    blameless: true,
  },
  {
    id: "read-home",
    tries: "reads private keys, shell history and credentials in the user's home",
    phase: "call",
    stopped: { process: WALLS },
    top: TOP,
    parts: ({ secretFile, outside }) => ({
      code: `
        const home = (() => { try { return os.homedir(); } catch { return "/root"; } })();
        const names = [".ssh/id_rsa", ".ssh/id_ed25519", ".ssh/config", ".aws/credentials", ".npmrc", ".bash_history", ".gitconfig", ".netrc"];
        return probe({
          ssh: () => fs.readdirSync(path.join(home, ".ssh")).join(), home: () => fs.readdirSync(home).join(),
          ...Object.fromEntries(names.map((name) => [name, () => fs.readFileSync(path.join(home, name), "utf8")])),
          key: () => fs.readFileSync(${JSON.stringify(secretFile)}, "utf8"), stat: () => fs.statSync(${JSON.stringify(secretFile)}).size, folder: () => fs.readdirSync(${JSON.stringify(outside)}).join(),
          stream: () => new Promise((resolve, reject) => fs.createReadStream(${JSON.stringify(secretFile)}).on("data", (chunk) => resolve(String(chunk))).on("error", reject)),
          copy: () => fs.copyFileSync(${JSON.stringify(secretFile)}, "/tmp/copy"), watch: () => fs.watch(${JSON.stringify(outside)}).close(), open: () => fs.promises.open(${JSON.stringify(secretFile)}, "r").then((file) => file.fd),
        });`,
    }),
    blameless: true,
  },
  {
    id: "read-system",
    tries: "reads /etc/passwd, /etc/shadow, devices and the program that runs it",
    phase: "call",
    stopped: { process: WALLS },
    top: TOP,
    code: reading([
      "/etc/passwd",
      "/etc/shadow",
      "/etc/hosts",
      "/dev/mem",
      "/dev/sda",
      "/dev/tty",
      "/sys/class/net/eth0/address",
      "/var/log/syslog",
      "/proc/net/tcp",
      "/proc/kallsyms",
      "/proc/cmdline",
    ]),
    blameless: true,
  },
  {
    id: "read-environment",
    tries: "finds the host's keys in environments: its own, its parent's, every process's",
    phase: "call",
    stopped: { process: WALLS },
    top: TOP,
    parts: ({ gatewayPid, envName }) => ({
      code: `
        const environs = ["self", "thread-self", "1", "2", String(process.ppid), ${JSON.stringify(String(gatewayPid))}].map((pid) => "/proc/" + pid + "/environ");
        return probe({
          ...Object.fromEntries(environs.map((one) => [one, () => { const text = fs.readFileSync(one, "utf8"); if (!text.includes(${JSON.stringify(envName)})) throw Object.assign(new Error("nothing of the host in it"), { code: "ENOENT" }); return text; }])),
          own: () => { const text = JSON.stringify([process.env, process.report.getReport().environmentVariables]); if (!text.includes(${JSON.stringify(envName)})) throw Object.assign(new Error("nothing of the host in it"), { code: "ENOENT" }); return text; },
        });`,
    }),
    blameless: true,
  },
  {
    id: "read-host-memory",
    tries: "reads the host's memory, its descriptors and its folders through /proc, and signals it",
    phase: "call",
    stopped: { process: [...WALLS, by("broker", "PLINTH_PERMISSION")] },
    top: TOP,
    parts: ({ gatewayPid }) => ({
      code: `
        const pids = [${gatewayPid}, process.ppid, 1];
        const names = ["mem", "maps", "cmdline", "cwd/package.json", "root/etc/passwd", "fd/1", "stat"];
        return probe({
          ...Object.fromEntries(pids.flatMap((pid) => names.map((name) => ["/proc/" + pid + "/" + name, () => { const file = fs.openSync("/proc/" + pid + "/" + name, "r"); return "opened " + file; }]))),
          write: () => fs.writeFileSync("/proc/${gatewayPid}/oom_score_adj", "1000"), signal: () => process.kill(${gatewayPid}, 0), debug: () => process._debugProcess(${gatewayPid}),
          list: () => { if (!fs.readdirSync("/proc").includes(${JSON.stringify(String(gatewayPid))})) throw Object.assign(new Error("not seen"), { code: "ENOENT" }); return "seen"; },
        });`,
    }),
    blameless: true,
  },
  {
    id: "read-plinth-files",
    tries: "reads what Plinth keeps: grants, lock, secrets, token, sessions, stores, the log of the audit",
    phase: "call",
    stopped: { process: WALLS },
    manifest: { permissions: { fs: ["data"] } },
    top: TOP,
    parts: ({ home, neighbourData }) => ({
      code: `
        const home = ${JSON.stringify(home)};
        const names = ["installed.json", "plinth.lock", "plinth.json", "secrets.json", "state/plinth.gateway/running.json", "state/plinth.gateway/token", "state/plinth.store-sqlite/store.db", "state/plinth.sessions/sessions.db", "state/faults.json", "cache/index.json"];
        return probe({
          ...Object.fromEntries(names.map((name) => [name, () => fs.readFileSync(path.join(home, name)).length])),
          ...Object.fromEntries(names.map((name) => ["../../" + name, () => fs.readFileSync(path.join(ctx.dataDir, "../..", name)).length])),
          home: () => fs.readdirSync(home).join(), state: () => fs.readdirSync(path.join(ctx.dataDir, "..")).join(), neighbour: () => fs.readdirSync(${JSON.stringify(neighbourData)}).join(), store: () => fs.readdirSync(path.join(home, "store")).join(),
        });`,
    }),
    blameless: true,
  },
  {
    id: "write-plinth-files",
    tries: "writes grants, configuration, lock and the code of the product and of other extensions",
    phase: "call",
    stopped: { process: WALLS },
    manifest: { permissions: { fs: ["data"] } },
    top: TOP,
    parts: ({ home, outside, neighbourData }) => ({
      code: `
        const home = ${JSON.stringify(home)};
        const write = (name) => () => { fs.writeFileSync(name, "x"); return "written"; };
        const grown = process.argv[1];
        return probe({
          ...Object.fromEntries(["installed.json", "plinth.json", "plinth.lock", "secrets.json", "state/faults.json", "state/new.json", "store/x/index.js"].map((name) => [name, write(path.join(home, name))])),
          neighbour: write(path.join(${JSON.stringify(neighbourData)}, "x")), program: () => fs.appendFileSync(grown, "//x"), beside: write(path.join(path.dirname(grown), "x.mjs")),
          outside: write(path.join(${JSON.stringify(outside)}, "x")), temporary: write("/tmp/plinth-hostile-attempt"), memory: write("/dev/shm/plinth-hostile-attempt"), root: write("/plinth-hostile-attempt"),
          folder: () => fs.mkdirSync(path.join(home, "state/x")), remove: () => fs.rmSync(path.join(home, "installed.json")), rename: () => fs.renameSync(path.join(ctx.dataDir, "."), path.join(home, "state/y")),
          mode: () => fs.chmodSync(path.join(home, "plinth.json"), 0o777), truncate: () => fs.truncateSync(path.join(home, "plinth.lock")),
        });`,
    }),
    blameless: true,
    async check({ facts }) {
      expect(JSON.parse(await readFile(join(facts.home, "installed.json"), "utf8"))).toHaveProperty("grants");
      expect(JSON.parse(await readFile(join(facts.home, "plinth.lock"), "utf8"))).toHaveProperty("lockfile");
    },
  },
  {
    id: "paths-out-of-data",
    tries: "leaves its granted folder by dots, absolute paths, NULs, URLs, bytes and odd encodings",
    phase: "call",
    stopped: { process: WALLS },
    manifest: { permissions: { fs: ["data"] } },
    top: TOP,
    parts: ({ secretFile, home }) => ({
      code: `
        const [data, secret] = [ctx.dataDir, ${JSON.stringify(secretFile)}];
        const up = "../".repeat(12);
        const inside = path.join(data, "own");
        fs.writeFileSync(inside, "own");
        return probe(Object.fromEntries([
          data + "/" + up + secret, data + "/./" + up + "/" + secret, secret, "//" + secret, data + "/../plinth.gateway/running.json", data + "/own/../" + up + secret, data + "\\\\..\\\\" + up + secret,
          data + "/%2e%2e/" + up + secret, data + "-other/x", data.slice(0, -1), ${JSON.stringify(home)}, new URL("file://" + secret), new URL("file://" + data + "/%2e%2e/%2e%2e/plinth.json"), Buffer.from(secret), new TextEncoder().encode(secret),
        ].map((one, index) => [index + " " + String(one).slice(-40), () => fs.readFileSync(one, "utf8")])));`,
    }),
    blameless: true,
  },
  {
    id: "links-out-of-data",
    tries: "makes symbolic and hard links in its granted folder that lead outside, and renames folders for links",
    phase: "call",
    stopped: { process: WALLS },
    manifest: { permissions: { fs: ["data"] } },
    top: TOP,
    parts: ({ secretFile, outside, neighbourData }) => ({
      code: `
        const [data, secret, outside] = [ctx.dataDir, ${JSON.stringify(secretFile)}, ${JSON.stringify(outside)}];
        const through = (name, target, kind) => () => { fs[kind](target, path.join(data, name)); return fs.readFileSync(path.join(data, name), "utf8"); };
        fs.mkdirSync(path.join(data, "folder"), { recursive: true });
        return probe({
          soft: through("soft", secret, "symlinkSync"), hard: through("hard", secret, "linkSync"), relative: through("relative", "../../../" + secret, "symlinkSync"), proc: through("proc", "/proc/self/root" + secret, "symlinkSync"),
          folder: () => { fs.symlinkSync(outside, path.join(data, "linked")); return fs.readdirSync(path.join(data, "linked")).join(); },
          swap: () => { fs.renameSync(path.join(data, "folder"), path.join(data, "moved")); fs.symlinkSync(${JSON.stringify(neighbourData)}, path.join(data, "folder")); return fs.readdirSync(path.join(data, "folder")).join(); },
          write: () => { fs.symlinkSync(outside, path.join(data, "to")); fs.writeFileSync(path.join(data, "to/written"), "x"); },
          copy: () => fs.cpSync(outside, path.join(data, "copy"), { recursive: true, dereference: true }),
          out: () => { fs.writeFileSync(path.join(data, "own"), "x"); fs.linkSync(path.join(data, "own"), path.join(outside, "hard")); },
        });`,
    }),
    blameless: true,
  },
  {
    id: "links-of-the-owner",
    tries: "follows links out of its granted folder that were there before it",
    phase: "call",
    // Node's own permission model follows them; the system's wall does not.
    stopped: { process: WALLS },
    async attack(attack) {
      const { facts } = attack;
      await installed(attack, {
        manifest: { permissions: { fs: ["data"] } },
        top: TOP,
        code: `return probe(Object.fromEntries(["link", "folder/id_ed25519", "folder/../link"].map((name) => [name, () => fs.readFileSync(path.join(ctx.dataDir, name), "utf8")])));`,
      });
      const data = join(facts.home, "state", attack.id);
      await symlink(facts.secretFile, join(data, "link"));
      await symlink(facts.outside, join(data, "folder"));
      return attack.call();
    },
    blameless: true,
  },
  {
    id: "descriptors",
    tries: "uses descriptors that it was not given, by number and through /proc/self/fd and /dev/fd",
    phase: "call",
    stopped: { process: WALLS },
    top: TOP,
    code: `
      const numbers = Array.from({ length: 253 }, (_, index) => index + 4);
      const own = (found) => found.isFIFO() || found.isCharacterDevice();
      return probe({
        numbers: () => { const open = numbers.filter((fd) => { try { const found = fs.fstatSync(fd); return found.isFile() || found.isDirectory() || found.isSocket(); } catch { return false; } }); if (open.length === 0) throw Object.assign(new Error("none is open"), { code: "ENOENT" }); return open.join(); },
        proc: () => fs.readFileSync("/proc/self/fd/0", "utf8"), list: () => fs.readdirSync("/proc/self/fd").join(), dev: () => fs.readFileSync("/dev/fd/0", "utf8"), again: () => fs.openSync("/proc/self/fd/3", "r+"),
        root: () => fs.readdirSync("/proc/self/root/etc").join(), cwd: () => fs.readdirSync("/proc/self/cwd/..").join() + own, task: () => fs.readFileSync("/proc/self/task/1/environ", "utf8"), exe: () => fs.readFileSync("/proc/self/exe").length,
      });`,
    blameless: true,
  },
  {
    id: "sqlite-outside",
    tries: "opens, attaches and copies databases outside through node:sqlite, which Node's permission model does not hold",
    phase: "call",
    stopped: { process: [...WALLS, by("system wall", "ERR_UNKNOWN_BUILTIN_MODULE"), by("no such thing inside", "ERR_UNKNOWN_BUILTIN_MODULE")] },
    manifest: { permissions: { fs: ["data"] } },
    top: TOP,
    parts: ({ outside, home }) => ({
      code: `
        const sqlite = () => import("node:sqlite");
        return probe({
          open: async () => new (await sqlite()).DatabaseSync(${JSON.stringify(join(outside, "x.db"))}).exec("create table t (x)"),
          attach: async () => new (await sqlite()).DatabaseSync(":memory:").exec("attach '${join(home, "state/plinth.store-sqlite/store.db")}' as host; select * from host.kv"),
          vacuum: async () => new (await sqlite()).DatabaseSync(":memory:").exec("vacuum into '${join(outside, "v.db")}'"),
          builtin: () => new (process.getBuiltinModule("node:sqlite").DatabaseSync)(":memory:"),
          storage: () => { localStorage.setItem("a", "b"); return "stored"; },
        });`,
    }),
    async attack(attack) {
      await installed(attack);
      const found = await attack.call();
      return found.code === "ERR_UNKNOWN_BUILTIN_MODULE" ? { ...found, by: "no such thing inside" } : found;
    },
    blameless: true,
  },
  {
    id: "runtime-doors",
    tries: "takes doors of the runtime: bindings, native modules, workers, processes, the debugger, reports, snapshots, flags, FFI",
    phase: "call",
    stopped: { process: WALLS },
    manifest: { permissions: { fs: ["data"] } },
    top: `import child from "node:child_process"; import workers from "node:worker_threads"; import inspector from "node:inspector"; import v8 from "node:v8"; import vm from "node:vm"; import cluster from "node:cluster"; import module from "node:module"; ${TOP}`,
    parts: ({ secretFile }) => ({
      code: `
        const secret = ${JSON.stringify(secretFile)};
        return probe({
          binding: () => typeof process.binding("fs").open, exec: () => String(child.execSync("id")), spawn: () => child.spawnSync(process.execPath, ["--version"]).stdout.toString(), fork: () => new Promise((resolve, reject) => child.fork(process.argv[1]).on("spawn", () => resolve("forked")).on("error", reject)),
          replace: () => process.execve("/bin/true", ["true"]), worker: () => { new workers.Worker("", { eval: true }); return "started"; }, cluster: () => cluster.fork().id, addon: () => process.dlopen({ exports: {} }, secret), debugger: () => inspector.open(0), session: () => { new inspector.Session().connect(); return "connected"; },
          report: () => process.report.writeReport("/tmp/plinth-hostile-report.json"), snapshot: () => v8.writeHeapSnapshot("/tmp/plinth-hostile.heapsnapshot"), require: () => module.createRequire("/")(secret), other: () => vm.runInThisContext("process").binding("fs") && "binding", env: () => process.loadEnvFile(secret), ffi: async () => Object.keys(await import("node:ffi")).length > 0 && process.permission.has("ffi") ? "ffi" : (() => { throw Object.assign(new Error("not granted"), { code: "ERR_ACCESS_DENIED" }); })(),
          wasi: async () => { const { WASI } = await import("node:wasi"); new WASI({ version: "preview1", preopens: { "/": "/" } }); return "made"; },
        });`,
    }),
    blameless: true,
  },
  {
    id: "store-of-others",
    tries: "reads and clears the stores of others by keys that look like theirs, wildcards and pieces of SQL",
    phase: "call",
    stopped: both(by("inert", "none")),
    parts: ({ neighbour }) => ({
      code: `
        const keys = ["secret", "${neighbour}/secret", "../${neighbour}/secret", "${neighbour}:secret", "%", "*", "_", "' OR 1=1 --", "\\0secret", "keyv:secret", "\\u{10ffff}"];
        const found = [];
        for (const key of keys) found.push((await ctx.store.get(key)) ?? "-", String(await ctx.store.delete(key)), ...(await ctx.store.keys(key)));
        await ctx.store.clear();
        found.push(...(await ctx.store.keys("")), ...(await ctx.store.keys()));
        return say("found " + [...new Set(found)].join());`,
    }),
    blameless: true,
    check: (_attack, { message }) => expect(message).toBe("found -,false"),
  },
  {
    id: "edited-on-disk",
    tries: "is another program after somebody edited its installed file",
    phase: "activate",
    stopped: both(by("digest", "PLINTH_DIGEST")),
    code: `return say("the first program");`,
    async attack(attack) {
      await installed(attack);
      const entry = await installedEntry(attack.facts.home, attack.tool);
      await attack.request("plugins.disable", { id: attack.id });
      await writeFile(entry, (await readFile(entry, "utf8")).replace("the first program", "another program"));
      await attack.request("plugins.enable", { id: attack.id });
      const found = await attack.call();
      expect(found.message).not.toContain("another program");
      return found;
    },
  },
  {
    id: "file-added-on-disk",
    tries: "has files in its package that were not there when an owner consented",
    phase: "activate",
    stopped: both(by("digest", "PLINTH_DIGEST")),
    code: `return say("fine");`,
    async attack(attack) {
      await installed(attack);
      const entry = await installedEntry(attack.facts.home, attack.tool);
      await attack.request("plugins.disable", { id: attack.id });
      await symlink(attack.facts.secretFile, join(entry, "../assets.txt"));
      await attack.request("plugins.enable", { id: attack.id });
      return attack.call();
    },
  },
];

async function installedEntry(home: string, tool: string): Promise<string> {
  for (const digest of await readdir(join(home, "store"))) {
    const entry = join(home, "store", digest, "index.js");
    if ((await readFile(entry, "utf8").catch(() => "")).includes(JSON.stringify(tool))) return entry;
  }
  throw new Error(`the package of ${tool} is not in the store`);
}
