import { mkdir, mkdtemp, readdir, readFile, realpath, rm, stat, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createTestHost } from "@plinth/sdk/testing";
import { admits, found } from "@plinth/sdk/tiers";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import extension from "./index.ts";
import manifest from "./plinth.json" with { type: "json" };
import { Programs } from "./programs.ts";

const here = await found();

interface Options {
  cwd?: string;
  input?: string;
  timeoutMs?: number;
  maxBytes?: number;
  signal?: AbortSignal;
}

async function openLab() {
  const top = await realpath(await mkdtemp(join(tmpdir(), "plinth-programs-")));
  for (const name of ["workspace", "data", "outside"]) await mkdir(join(top, name));
  await writeFile(join(top, "outside/secret.txt"), "what lies outside");
  const host = await createTestHost({ extensions: [{ manifest, extension }] });
  const folders = [
    { name: "data", path: join(top, "data"), write: false },
    { name: "workspace", path: join(top, "workspace"), write: true },
  ];
  return {
    at: (...names: string[]) => join(top, ...names),
    host,
    async run(programs: string[], command: string[], { signal, ...options }: Options = {}, granted = folders) {
      const [program = "", ...args] = command;
      const request = { program, args, ...options };
      const items = host
        .use("plinth.program-runner")
        .one()
        .open({ extension: "acme.x", programs, folders: granted, request }, signal ? { signal } : {});
      const all = { stdout: "", stderr: "", code: undefined as number | null | undefined };
      for await (const item of items) {
        if ("stdout" in item) all.stdout += Buffer.from(item.stdout).toString();
        else if ("stderr" in item) all.stderr += Buffer.from(item.stderr).toString();
        else if ("code" in item) all.code = item.code;
      }
      return all;
    },
    /** Resolves when it has said something. */
    async start(programs: string[], [program = "", ...args]: string[]) {
      const items = host.use("plinth.program-runner").one().open({ extension: "acme.x", programs, folders, request: { program, args } });
      const iterator = items[Symbol.asyncIterator]();
      await iterator.next();
      return { end: iterator.next() };
    },
    async [Symbol.asyncDispose]() {
      await host.close();
      await rm(top, { recursive: true, force: true });
    },
  };
}

const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    (value) => `none: ${JSON.stringify(value)}`,
    (thrown: { code?: string; message: string }) => thrown.code ?? thrown.message,
  );

describe("a granted pattern", () => {
  it.each<[string[], string[], boolean]>([
    [["git"], ["git"], true],
    [["git"], ["git", "push", "--force"], true],
    [["git"], ["gitk"], false],
    [["git status *"], ["git", "status"], true],
    [["git status *"], ["git", "status", "--short", "x"], true],
    [["git status *"], ["git", "push"], false],
    [["git status *"], ["git", "-C", "/", "status"], false],
    [["git status *"], ["git", "status --short"], false],
    [["git log --oneline"], ["git", "log", "--oneline"], true],
    [["git log --oneline"], ["git", "log", "--oneline", "-p"], false],
    [["git log --oneline"], ["git", "log"], false],
    [["git show * --stat"], ["git", "show", "HEAD", "--stat"], true],
    [["git show * --stat"], ["git", "show", "--stat"], false],
    [["git show * --stat"], ["git", "show", "a", "b", "--stat"], false],
    [["*"], ["anything", "at", "all"], true],
    [["*"], ["/opt/x"], false],
    [["/opt/x"], ["/opt/x", "y"], true],
    [["x"], ["/usr/bin/x"], false],
    [["a", "b c"], ["b", "c"], true],
    [[], ["git"], false],
  ])("%j and %j: %s", (patterns, [program = "", ...args], expected) => {
    expect(admits(patterns, program, args)).toBe(expected);
  });

  const word = fc.stringMatching(/^[!-)+-~]{1,6}$/);
  const words = fc.array(word, { maxLength: 5 });

  it("without a star admits exactly its words, when it has arguments", () => {
    fc.assert(
      fc.property(word, fc.array(word, { minLength: 1, maxLength: 5 }), words, (program, fixed, args) => {
        const pattern = [program, ...fixed].join(" ");
        expect(admits([pattern], program, fixed)).toBe(true);
        expect(admits([pattern], program, args)).toBe(JSON.stringify(args) === JSON.stringify(fixed));
      }),
    );
  });

  it("that ends with a star admits its words and whatever follows, and nothing else", () => {
    fc.assert(
      fc.property(word, words, words, fc.array(fc.string()), (program, fixed, other, more) => {
        const pattern = [program, ...fixed, "*"].join(" ");
        expect(admits([pattern], program, [...fixed, ...more])).toBe(true);
        expect(admits([pattern], program, other)).toBe(fixed.every((one, at) => one === other[at]));
      }),
    );
  });
});

describe.skipIf(here.bwrap === null)("a program", () => {
  it("gets its arguments as they are, without a shell, and tells its output and exit code", async () => {
    await using lab = await openLab();
    expect(await lab.run(["printf"], ["printf", "%s|", "a b", "$HOME", "`id`", ";", "*"])).toEqual({
      stdout: "a b|$HOME|`id`|;|*|",
      stderr: "",
      code: 0,
    });
    expect(await lab.run(["sh"], ["sh", "-c", "echo no >&2; exit 3"])).toEqual({ stdout: "", stderr: "no\n", code: 3 });
    expect((await lab.run(["cat"], ["cat"], { input: "é" })).stdout).toBe("é");
    expect((await lab.run(["cat"], ["cat"])).stdout).toBe("");
    expect((await lab.run(["head"], ["head", "-c1"], { input: "x".repeat(1_000_000) })).stdout).toBe("x");
  });

  it("is refused when it or its arguments are not granted", async () => {
    await using lab = await openLab();
    for (const [programs, command] of [
      [["git status *"], ["git", "push"]],
      [["git"], ["/usr/bin/git"]],
      [["*"], ["./x"]],
      [["*"], ["/bin/sh"]],
      [["cat"], ["cat\0"]],
      [[], ["true"]],
    ] as const)
      expect(await codeOf(lab.run([...programs], [...command]))).toBe("PLINTH_PERMISSION");
    expect(await codeOf(lab.run(["*"], ["no-such-program"]))).toBe("PLINTH_EXEC_FAILED");
  });

  it("works in granted folders: by default the workspace, or one below; read-only ones stay as they are", async () => {
    await using lab = await openLab();
    await mkdir(lab.at("workspace/sub"));
    const sh = (script: string, options: Options = {}) => lab.run(["sh"], ["sh", "-c", script], options);
    expect((await sh("pwd; echo made > file")).stdout).toBe(`${lab.at("workspace")}\n`);
    expect(await readFile(lab.at("workspace/file"), "utf8")).toBe("made\n");
    expect((await sh("pwd", { cwd: "workspace/sub" })).stdout).toBe(`${lab.at("workspace/sub")}\n`);
    expect((await sh("pwd", { cwd: lab.at("data") })).stdout).toBe(`${lab.at("data")}\n`);
    expect((await sh("echo x > file", { cwd: "data" })).code).not.toBe(0);
    for (const cwd of ["/", "workspace/..", "/etc", lab.at("outside")]) expect(await codeOf(sh("pwd", { cwd }))).toBe("PLINTH_PERMISSION");
  });

  it("sees nothing else: no other files, also through links; no network; no other processes; no environment", async () => {
    await using lab = await openLab();
    process.env.PLINTH_TEST_TOKEN = "leaked";
    const server = createServer((socket) => socket.end("reached")).listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const { port } = server.address() as { port: number };
    await symlink(lab.at("outside/secret.txt"), lab.at("workspace/link"));
    await symlink("/etc/passwd", lab.at("workspace/passwd"));
    const script = `cat link passwd /etc/passwd /etc/shadow ${lab.at("outside/secret.txt")} /root/.bashrc /proc/${process.pid}/environ
      ls -d /proc/[0-9]* | wc -l; env; (exec 3<>/dev/tcp/127.0.0.1/${port}; cat <&3); echo > /usr/mark; echo > /mark`;
    const { stdout } = await lab.run(["bash"], ["bash", "-c", script]);
    delete process.env.PLINTH_TEST_TOKEN;
    server.close();
    expect(stdout).not.toMatch(/outside|root:|leaked|reached/);
    const [processes = "", ...env] = stdout.trim().split("\n");
    expect(Number(processes)).toBeLessThan(10);
    expect(env.map((line) => line.split("=")[0]).sort()).toEqual(
      ["HOME", "LANG", "OLDPWD", "PATH", "PWD", "SHLVL", "TZ", "_"].filter((name) => env.some((line) => line.startsWith(`${name}=`))),
    );
    expect(await readdir(lab.at("workspace"))).toEqual(["link", "passwd"]);
  });

  it("stands behind the filter of system calls, with what programs need: it starts others, in no namespaces of their own", async () => {
    await using lab = await openLab();
    const script = `grep -E '^(Seccomp|NoNewPrivs|CapEff|CapBnd):' /proc/self/status; (setsid sleep 0; echo started) | cat
      for what in 'unshare -m true' 'unshare -U true' 'unshare -n true' 'mount -t tmpfs x /' 'chroot / true'; do $what 2>/dev/null && echo "did $what"; done
      for file in /proc/sys/kernel/core_pattern /proc/sysrq-trigger /proc/self/oom_score_adj; do (echo x > $file) 2>/dev/null && echo "wrote $file"; done; ls /sys 2>/dev/null`;
    const { stdout } = await lab.run(["bash"], ["bash", "-c", script]);
    expect(stdout.replace(/\t/g, " ").trim().split("\n")).toEqual([
      "CapEff: 0000000000000000",
      "CapBnd: 0000000000000000",
      "NoNewPrivs: 1",
      "Seccomp: 2",
      "started",
    ]);
  });

  it.runIf(process.getuid?.() === 0)("is not root where its host is: its folders are its own in there, and outside whose they were", async () => {
    await using lab = await openLab();
    const script =
      "id -u; ulimit -u; echo made > file; mkdir -p folder; touch old; chmod u+s file 2>/dev/null && echo set; stat -c %u . file old; cat /proc/self/uid_map";
    await writeFile(lab.at("workspace/old"), "before");
    const { stdout } = await lab.run(["bash"], ["bash", "-c", script]);
    const [uid = "", processes, ...seen] = stdout.trim().split("\n");
    expect(Number(uid)).toBeGreaterThanOrEqual(61_184);
    expect([processes, ...seen.slice(0, 3)]).toEqual(["512", uid, uid, uid]);
    expect(seen[3]?.trim().split(/\s+/)).toEqual(["0", "0", "4294967295"]);
    for (const name of ["workspace", "workspace/file", "workspace/folder", "workspace/old"]) expect((await stat(lab.at(name))).uid).toBe(0);
    expect((await stat(lab.at("workspace/file"))).mode & 0o6000).toBe(0);
    // Its own folder is that user's for good: the next run is the same one.
    expect((await stat(lab.at("data"))).uid).toBe(Number(uid));
    expect((await lab.run(["id"], ["id", "-u"])).stdout.trim()).toBe(uid);
  });

  it.runIf(process.getuid?.() === 0)("is not started where its host is root and has no user id to give", async () => {
    await using lab = await openLab();
    process.env.PLINTH_USER_IDS = "none";
    const refused = lab.run(["true"], ["true"]).catch((thrown) => thrown);
    await expect(refused).resolves.toMatchObject({ code: "PLINTH_ROOT", extension: "acme.x", next: expect.stringContaining("as a user of its own") });
    delete process.env.PLINTH_USER_IDS;
  });

  it("is given no folder that holds the home, or became a link to it", async () => {
    await using lab = await openLab();
    const home = lab.host.home;
    for (const path of [home, join(home, "state"), "/", "/proc", lab.at("link")]) {
      if (path === lab.at("link")) await symlink(home, path);
      const run = lab.run(["ls"], ["ls"], {}, [{ name: path, path, write: false }]);
      expect([path, await codeOf(run)]).toEqual([path, "PLINTH_FOLDER"]);
    }
  });

  it("does what git does in a repository", async () => {
    await using lab = await openLab();
    expect((await lab.run(["git"], ["git", "init", "-q", "."])).code).toBe(0);
    await writeFile(lab.at("workspace/new.txt"), "x");
    expect((await lab.run(["git status *"], ["git", "status", "--short"])).stdout).toBe("?? new.txt\n");
  });

  it("ends when its time is over, its output is too much, or its reader leaves, with all that it started", async () => {
    await using lab = await openLab();
    const mark = `plinth-${process.pid}-${Date.now()}`;
    const endless = ["sh", "-c", `trap '' TERM; setsid sleep 1000 & sleep 1000 & exec -a ${mark} sleep 1000`];
    expect(await codeOf(lab.run(["bash"], ["bash", ...endless.slice(1)], { timeoutMs: 300 }))).toBe("PLINTH_DEADLINE");
    expect(await codeOf(lab.run(["yes"], ["yes"], { maxBytes: 100_000 }))).toBe("PLINTH_QUOTA");
    const aborting = new AbortController();
    const cancelled = codeOf(lab.run(["bash"], ["bash", ...endless.slice(1)], { signal: aborting.signal }));
    setTimeout(() => aborting.abort(), 200);
    expect(await cancelled).toBe("PLINTH_ABORTED");
    while (await alive(mark)) await sleep(10);
  });

  it("is one of eight at most of its extension, and ends with the runner", async () => {
    await using lab = await openLab();
    const started = await Promise.all(Array.from({ length: 8 }, () => lab.start(["sh"], ["sh", "-c", "echo up; exec sleep 1000"])));
    expect(await codeOf(lab.run(["true"], ["true"]))).toBe("PLINTH_QUOTA");
    const ends = started.map((one) => codeOf(one.end));
    await lab.host.close();
    for (const one of ends) expect(await one).toMatch(/^(PLINTH_|none)/);
  });
});

it("is not run where there is no wall to run it behind", async () => {
  const programs = new Programs(
    async () => ({ ...here, bwrap: null, why: "it was taken away" }),
    tmpdir(),
    async function* () {},
    tmpdir(),
  );
  const input = { extension: "acme.x", programs: ["*"], folders: [], request: { program: "true", args: [] } };
  await expect(programs.open(input, new AbortController().signal).next()).rejects.toMatchObject({
    code: "PLINTH_SANDBOX",
    message: expect.stringContaining("it was taken away"),
  });
});

/** Whether a process with this name runs. */
async function alive(mark: string): Promise<boolean> {
  for (const pid of await readdir("/proc")) {
    if (!/^\d+$/.test(pid)) continue;
    const command = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
    if (command.split("\0")[0] === mark) return true;
  }
  return false;
}
