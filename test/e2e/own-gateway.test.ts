import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, lstatSync, readdirSync, readFileSync } from "node:fs";
import { chmod, chown, cp, mkdir, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { cleanEnv, cleanUp, newHome, onCleanUp, plinth, root, say, scriptedModel, startGateway } from "./lab.ts";

afterEach(cleanUp);

const launcher = join(root, "kernel/bin/plinth.cjs");
const announcement = (home: string): string => join(home, "state/plinth.gateway/running.json");
const socketOf = (home: string): string => join(home, "state/plinth.gateway/gateway.sock");
const pidOf = async (home: string): Promise<number> => JSON.parse((await plinth(home, ["status", "--json"])).stdout).pid;

/** Takes a port and remembers every byte that comes. */
async function foreigner(port: number, answer: string | null): Promise<{ heard(): string }> {
  let heard = "";
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.on("data", (bytes) => {
      heard += bytes;
      if (answer !== null) socket.end(answer);
    });
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  onCleanUp(() => server.close());
  return { heard: () => heard };
}

describe("a gateway that was killed", () => {
  it.each<[string, string | null]>([
    ["hangs", null],
    ["answers 200", "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"],
    ["answers 401", "HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n"],
  ])("leaves nothing to what has its port now and %s: not a byte is sent, and the command works", async (_what, answer) => {
    const home = await newHome();
    const gateway = await startGateway(home);
    process.kill(gateway.pid, "SIGKILL");
    await once(gateway.child, "exit");
    expect(existsSync(announcement(home))).toBe(true);
    const other = await foreigner(Number(new URL(gateway.url).port), answer);
    for (const args of [
      ["plugins", "list"],
      ["top", "--once"],
      ["config", "get"],
    ])
      await plinth(home, args);
    expect((await plinth(home, ["plugins", "list"])).code).toBe(0);
    expect(other.heard()).toBe("");
  });

  it("may be started again, though its process's id is another process's by now", async () => {
    const home = await newHome();
    const first = await startGateway(home);
    process.kill(first.pid, "SIGKILL");
    await once(first.child, "exit");
    const told = JSON.parse(await readFile(announcement(home), "utf8"));
    await writeFile(announcement(home), JSON.stringify({ ...told, pid: process.pid }));
    const second = await startGateway(home);
    expect(await pidOf(home)).toBe(second.pid);
  });
});

it("of two gateways that start at once in one home, with a path longer than a socket's address, one runs and the other names it", async () => {
  const home = join(await newHome(), "x".repeat(150));
  const starts: Record<string, unknown>[] = await Promise.all(
    [startGateway(home), startGateway(home)].map((start) => start.then((one) => ({ ...one }))),
  );
  const one = starts.find(({ pid }) => pid !== undefined);
  expect(starts.filter((start) => start !== one)).toEqual([
    expect.objectContaining({ error: expect.objectContaining({ code: "PLINTH_GATEWAY_RUNNING" }) }),
  ]);
  expect(lstatSync(socketOf(home)).isSocket()).toBe(true);
  expect(await pidOf(home)).toBe(one?.pid);
});

describe("a gateway that is stopped", () => {
  it.each([[["plugins", "list"]], [["top", "--once"]], [["gateway", "run", "--port", "0"]]])(
    "does not keep `plinth %j` waiting: it says what is the matter",
    async (args) => {
      const home = await newHome();
      const gateway = await startGateway(home);
      process.kill(gateway.pid, "SIGSTOP");
      onCleanUp(() => process.kill(gateway.pid, "SIGCONT"));
      const { code, stderr } = await plinth(home, args);
      expect(code).toBe(1);
      expect(stderr).toMatch(args[0] === "gateway" ? /PLINTH_GATEWAY_RUNNING.*\n/ : /PLINTH_GATEWAY_SILENT.*is stopped/);
      expect(stderr).toContain("next: ");
    },
  );

  it("is found out in the middle of a command, too", async () => {
    const home = await newHome();
    const { env } = await scriptedModel(() => {});
    const gateway = await startGateway(home, env);
    const command = plinth(home, ["agent", "-m", "hello"]);
    await expect.poll(async () => (await plinth(home, ["sessions", "list", "--json"])).stdout, { timeout: 20_000 }).toContain('"main"');
    process.kill(gateway.pid, "SIGSTOP");
    onCleanUp(() => process.kill(gateway.pid, "SIGCONT"));
    const { code, stderr } = await command;
    expect([code, stderr]).toEqual([1, expect.stringContaining("PLINTH_GATEWAY_SILENT")]);
  }, 60_000);
});

describe("a copy of a home", () => {
  it("steers only itself, also with a socket that leads to the original's gateway", async () => {
    const home = await newHome();
    const gateway = await startGateway(home);
    const copy = await newHome();
    await cp(home, copy, { recursive: true, filter: (path) => !path.endsWith(".sock") });
    await symlink(socketOf(home), socketOf(copy));
    expect(await pidOf(copy)).not.toBe(gateway.pid);
    expect((await plinth(copy, ["config", "set", "policy.audit", "all"])).code).toBe(0);
    expect((await plinth(home, ["config", "get", "policy.audit"])).stdout).not.toContain("all");
    const own = await startGateway(copy);
    expect([await pidOf(copy), await pidOf(home)]).toEqual([own.pid, gateway.pid]);
  });

  it("that took the original's name is another home", async () => {
    const home = await newHome();
    const gateway = await startGateway(home);
    const moved = await newHome();
    await rm(moved, { recursive: true });
    await rename(home, moved);
    await cp(moved, home, { recursive: true, filter: (path) => !path.endsWith(".sock") });
    for (const place of [home, moved]) expect(await pidOf(place)).not.toBe(gateway.pid);
  });
});

describe("everything that is made in a home is its owner's alone", () => {
  it.each(["000", "777"])(
    "under umask %s: gateway, extensions, conversations, caches",
    async (mask) => {
      const home = join(await newHome(), "home");
      const { env } = await scriptedModel((_body, _request, response) => say(response, "hello"));
      const run = (args: string[]) => under(mask, home, args, env);
      expect((await run(["plugins", "install", "demo.dice", "--yes"])).code).toBe(0);
      expect((await run(["agent", "-m", "hello"])).stdout).toContain("hello");
      const gateway = spawn(
        "/bin/sh",
        ["-c", `umask ${mask}; exec "$0" "$@"`, process.execPath, launcher, "gateway", "run", "--port", "0", "--json"],
        {
          env: cleanEnv({ PLINTH_HOME: home, ...env }),
          stdio: ["ignore", "pipe", "inherit"],
        },
      );
      onCleanUp(() => gateway.kill("SIGKILL"));
      await once(gateway.stdout, "data");
      expect((await run(["agent", "-m", "hello again"])).stdout).toContain("hello");
      const seen = modesBelow(home);
      for (const name of [
        "plinth.lock",
        "installed.json",
        "workspace/README.md",
        "state/plinth.sessions/sessions.db-wal",
        "state/plinth.gateway/token",
      ])
        expect(seen.map(({ path }) => path)).toContain(name);
      expect(seen.some(({ path }) => path.startsWith("cache/compile/"))).toBe(true);
      expect(seen.filter(({ mode }) => (mode & 0o077) !== 0)).toEqual([]);
    },
    60_000,
  );
});

it.each([
  ["000", 0o644],
  ["022", 0o644],
  ["077", 0o600],
])(
  "what an author makes under umask %s is for others as the author likes it, but never theirs to write; the home stays private",
  async (mask, mode) => {
    const place = await newHome();
    const home = join(place, "home");
    expect((await under(mask, home, ["create", "acme.coin", "--dir", join(place, "coin")], {})).code).toBe(0);
    expect(lstatSync(join(place, "coin/package.json")).mode & 0o777).toBe(mode);
    expect(modesBelow(home).filter(({ mode }) => (mode & 0o077) !== 0)).toEqual([]);
  },
);

describe("a home that is not its user's alone", () => {
  it("is refused by every command, in words, and closed by `plinth doctor --fix`, which says what it did", async () => {
    const home = await newHome();
    expect((await plinth(home, ["config", "set", "policy.audit", "all"])).code).toBe(0);
    await chmod(home, 0o777);
    await chmod(join(home, "plinth.json"), 0o664);
    for (const args of [["status"], ["gateway", "run", "--port", "0"], ["plugins", "list"], ["doctor"]]) {
      const { code, stdout, stderr } = await plinth(home, args);
      expect([code, stdout + stderr]).toEqual([
        1,
        expect.stringMatching(/Other users can write[\s\S]*PLINTH_HOME_OPEN|PLINTH_HOME_OPEN[\s\S]*Other users can write/),
      ]);
      expect(stdout + stderr).toContain("plinth doctor --fix");
    }
    expect(lstatSync(home).mode & 0o777).toBe(0o777);
    const fixed = await plinth(home, ["doctor", "--fix"]);
    expect(fixed).toMatchObject({ code: 0, stdout: expect.stringMatching(/Closed the home folder[\s\S]*plinth\.json[\s\S]*Nothing is wrong/) });
    expect([lstatSync(home).mode & 0o777, lstatSync(join(home, "plinth.json")).mode & 0o777]).toEqual([0o700, 0o600]);
    expect((await plinth(home, ["status"])).code).toBe(0);
    expect(JSON.parse((await plinth(home, ["doctor", "--json"])).stdout)).toMatchObject({
      healthy: true,
      findings: expect.not.arrayContaining([expect.objectContaining({ code: expect.stringContaining("HOME") })]),
    });
  });

  it("is refused when it is another user's, whoever asks", async () => {
    const home = join(await newHome(), "theirs");
    await mkdir(home, { mode: 0o755 });
    const isRoot = process.getuid?.() === 0;
    if (isRoot) await chown(home, 65_534, 65_534);
    // Without root's rights nothing can be given away: then root's own folder is somebody else's.
    for (const args of [["status"], ["gateway", "run", "--port", "0"], ["doctor", "--fix"]]) {
      const { code, stdout, stderr } = await plinth(isRoot ? home : "/usr", args);
      expect([code, stdout + stderr]).toEqual([1, expect.stringContaining("PLINTH_HOME_FOREIGN")]);
      expect(stdout + stderr).toMatch(/belongs to user \d+, and this is user \d+/);
    }
    expect(readdirSync(home)).toEqual([]);
  });

  it("gives nobody a way into the host through compiled code: what others could write is thrown away", async () => {
    const home = await newHome();
    await plinth(home, ["status"]);
    const cache = join(home, "cache/compile");
    const [version = ""] = readdirSync(cache);
    const planted = join(cache, version, readdirSync(join(cache, version))[0] as string);
    const before = readFileSync(planted);
    await writeFile(planted, Buffer.alloc(before.length));
    await chmod(join(cache, version), 0o770);
    expect((await plinth(home, ["status"])).code).toBe(0);
    expect(lstatSync(join(cache, version)).mode & 0o077).toBe(0);
    expect(readFileSync(planted).equals(Buffer.alloc(before.length))).toBe(false);
  });
});

it("a gateway with no file descriptors left goes on, and answers its owner", async () => {
  const home = await newHome();
  const child = spawn("/bin/sh", ["-c", 'ulimit -n 64; exec "$0" "$@"', process.execPath, launcher, "gateway", "run", "--port", "0", "--json"], {
    env: cleanEnv({ PLINTH_HOME: home }),
    stdio: ["ignore", "pipe", "ignore"],
  });
  onCleanUp(() => child.kill("SIGKILL"));
  const { url, token, pid } = JSON.parse(String((await once(child.stdout, "data"))[0]));
  const line = `GET /v1/models HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${token}\r\n\r\n`;
  const crowd: Socket[] = [];
  onCleanUp(() => crowd.map((one) => one.destroy()));
  for (let count = 0; count < 100; count++) {
    const socket = connect(Number(new URL(url).port), "127.0.0.1", () => socket.write(line));
    crowd.push(socket.on("error", () => {}).resume());
    await new Promise((resolve) => socket.once("data", resolve).once("close", resolve));
  }
  await expect.poll(() => pidOf(home), { timeout: 15_000, interval: 500 }).toBe(pid);
}, 60_000);

/** As `plinth`, under a umask. */
function under(mask: string, home: string, args: string[], env: Record<string, string>): Promise<{ code: number; stdout: string; stderr: string }> {
  const child = spawn("/bin/sh", ["-c", `umask ${mask}; exec "$0" "$@"`, process.execPath, launcher, ...args], {
    cwd: root,
    env: cleanEnv({ PLINTH_HOME: home, ...env }),
  });
  const text = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) child[name].on("data", (chunk) => (text[name] += chunk));
  return once(child, "close").then(([code]) => ({ code: code ?? 128, ...text }));
}

function modesBelow(home: string): { path: string; mode: number }[] {
  const names = ["", ...(readdirSync(home, { recursive: true }) as string[])];
  return names.flatMap((path) => {
    const stat = lstatSync(join(home, path), { throwIfNoEntry: false });
    return stat === undefined || stat.isSymbolicLink() ? [] : [{ path, mode: stat.mode }];
  });
}

describe("a place to listen at", () => {
  it.each([
    ["that is taken", "PLINTH_PORT_BUSY", async () => String(await taken())],
    ["that is none", "PLINTH_USAGE", async () => "99999"],
  ])("%s is one error and nothing else", async (_what, code, port) => {
    const { code: status, stdout, stderr } = await plinth(await newHome(), ["gateway", "run", "--port", await port()]);
    expect([status, stdout]).toEqual([1, ""]);
    expect(stderr).toMatch(new RegExp(`^error ${code}: .+\\n  in .+\\n  next: .+\\n$`));
  });

  async function taken(): Promise<number> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    onCleanUp(() => server.close());
    return (server.address() as AddressInfo).port;
  }
});
