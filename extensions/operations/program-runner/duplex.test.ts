import { spawn } from "node:child_process";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { defineExtension, type Program, type SpawnOptions } from "@plinth/sdk";
import { createTestHost } from "@plinth/sdk/testing";
import { found } from "@plinth/sdk/tiers";
import { afterEach, describe, expect, it } from "vitest";
import egress from "../egress/index.ts";
import egressManifest from "../egress/plinth.json" with { type: "json" };
import extension from "./index.ts";
import manifest from "./plinth.json" with { type: "json" };

const here = await found();
const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (let step = undo.pop(); step !== undefined; step = undo.pop()) await step();
});

/** An extension with these grants, beside the real runner and the real egress. */
async function openLab(exec: string[] = ["*"], net: string[] = []) {
  let spawned: (program: string, args: string[], options?: SpawnOptions) => Promise<Program> = () => Promise.reject(new Error("not active"));
  const asking = defineExtension({
    activate(ctx) {
      spawned = (program, args, options) => ctx.spawn(program, args, options);
    },
  });
  const permissions = { exec, ...(net.length > 0 ? { net } : {}) };
  const own = { id: "acme.asks", version: "1.0.0", title: "Asks", description: "Asks.", license: "MIT", engines: { plinth: "^0.1.0" }, permissions };
  const host = await createTestHost({
    extensions: [
      { manifest, extension },
      { manifest: egressManifest, extension: egress },
      { manifest: { ...own, entry: "./index.js", tiers: ["isolate"] }, extension: asking },
    ],
  });
  undo.push(() => host.close());
  await host.activate("acme.asks");
  return { host, spawn: (...command: Parameters<typeof spawned>) => spawned(...command) };
}

const read = async (stream: AsyncIterable<Uint8Array>): Promise<string> => text(stream);

/** Reads until it matches; the rest stays. */
async function until(stream: AsyncIterator<Uint8Array>, pattern: RegExp): Promise<string> {
  const decoder = new TextDecoder();
  let all = "";
  while (!pattern.test(all)) {
    const { done, value } = await stream.next();
    if (done) throw new Error(`it ended with ${JSON.stringify(all)}`);
    all += decoder.decode(value, { stream: true });
  }
  return all;
}

const codeOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    (value) => value,
    (thrown: { code?: string }) => thrown.code ?? thrown,
  );

describe.skipIf(here.bwrap === null)("an open program", () => {
  it("hears what is written and answers, as often as is wanted, until its input ends", async () => {
    const { spawn } = await openLab(["sh"]);
    const program = await spawn("sh", ["-c", 'while read -r line; do echo "heard $line"; echo "noted $line" >&2; done; exit 3']);
    const out = program.stdout[Symbol.asyncIterator]();
    for (const word of ["one", "two"]) {
      await program.stdin.write(`${word}\n`);
      expect(await until(out, /\n/)).toBe(`heard ${word}\n`);
    }
    await program.stdin.end();
    expect(await program.exited).toEqual({ code: 3, signal: null });
    expect(await read(program.stderr)).toBe("noted one\nnoted two\n");
    expect(await codeOf(program.stdin.write("more"))).toBe("PLINTH_EXEC_ENDED");
  });

  it("is told signals by name, itself and no other process; what it ignores does not save it from being killed", async () => {
    const { spawn } = await openLab(["bash"]);
    const script = "trap 'echo asked' TERM; trap 'echo resized' USR1; echo up; while :; do sleep 0.05; done";
    const program = await spawn("bash", ["-c", script]);
    const out = program.stdout[Symbol.asyncIterator]();
    await until(out, /up/);
    await program.signal("SIGTERM");
    expect(await until(out, /asked/)).toContain("asked");
    await program.signal("SIGUSR1");
    expect(await until(out, /resized/)).toContain("resized");
    for (const name of ["SIGSEGV", "9", "term", "SIGKILL "]) expect(await codeOf(program.signal(name))).toBe("PLINTH_PERMISSION");
    expect(await codeOf(program.resize(80, 24))).toBe("PLINTH_EXEC_ENDED");
    await program.kill();
    expect((await program.exited).signal).toBe("SIGKILL");
    const other = await spawn("bash", ["-c", "echo up; exec sleep 1000"]);
    await until(other.stdout[Symbol.asyncIterator](), /up/);
    await other.signal("SIGTERM");
    expect(await other.exited).toEqual({ code: 143, signal: "SIGTERM" });
  });

  it("waits when nobody reads it, whatever it would write; its errors do not make it wait", async () => {
    const { spawn } = await openLab(["bash"]);
    const script = "yes | head -c 3000000 >&2; echo; yes | head -c 1000000000";
    const before = process.memoryUsage().rss;
    const program = await spawn("bash", ["-c", script]);
    let over = false;
    void program.exited.catch(() => {}).finally(() => (over = true));
    const out = program.stdout[Symbol.asyncIterator]();
    await out.next();
    for (let look = 0; look < 20; look++) await sleep(20);
    expect(over).toBe(false);
    expect(process.memoryUsage().rss - before).toBeLessThan(200 * 1024 ** 2);
    await program.kill();
    expect(over).toBe(true);
  });

  it("takes what is written as fast as it reads: a write waits", async () => {
    const { spawn } = await openLab(["bash", "sleep"]);
    const deaf = await spawn("sleep", ["1000"]);
    let written = 0;
    const writing = (async () => {
      for (let piece = 0; piece < 64; piece++) {
        await deaf.stdin.write(new Uint8Array(256 * 1024));
        written++;
      }
    })();
    writing.catch(() => {});
    await sleep(300);
    expect(written).toBeLessThan(16);
    await deaf.kill();
    expect(await codeOf(writing)).toBe("PLINTH_EXEC_ENDED");
    const counting = await spawn("bash", ["-c", "wc -c"]);
    for (let piece = 0; piece < 8; piece++) await counting.stdin.write(new Uint8Array(300_000));
    await counting.stdin.end();
    expect((await read(counting.stdout)).trim()).toBe("2400000");
  });

  it("gets variables that no command line shows, and none that puts other code into it", async () => {
    const { spawn } = await openLab(["bash"]);
    const program = await spawn("bash", ["-c", "cat /proc/1/cmdline | tr '\\0' ' '; echo; env"], { env: { TOKEN: "a b\nc", HOME: "/usr" } });
    const said = await read(program.stdout);
    const [, ...lines] = said.split("\n");
    expect(said.split("\n")[0]).not.toMatch(/TOKEN=|a b/);
    expect(lines).toEqual(expect.arrayContaining(["TOKEN=a b", "c", "HOME=/usr"]));
    expect(lines.join("\n")).not.toMatch(/NODE_|OPENSSL|proxy/i);
    for (const name of ["LD_PRELOAD", "LD_LIBRARY_PATH", "GLIBC_TUNABLES", "a=b", ""]) {
      expect(await codeOf(spawn("bash", ["-c", "true"], { env: { [name]: "/x" } }))).toBe("PLINTH_PERMISSION");
    }
  });

  it("has a terminal where it asks for one: keys, size, and whatever it prints as it is", async () => {
    const { spawn } = await openLab(["bash"]);
    const script = String.raw`trap 'stty size' WINCH; trap 'echo interrupted' INT; tty -s && echo terminal; stty size; stty -echo; printf '\033]0;title\007\033[2J\n'; while read -r line || :; do [ -n "$line" ] && echo "heard $line"; [ "$line" = end ] && exit 5; done`;
    const program = await spawn("bash", ["-c", script], { pty: { columns: 91, rows: 17 } });
    const out = program.stdout[Symbol.asyncIterator]();
    expect(await until(out, /2J\r\n/)).toBe("terminal\r\n17 91\r\n\x1b]0;title\x07\x1b[2J\r\n");
    await program.resize(120, 40);
    await program.stdin.write("\x03");
    expect(await until(out, /interrupted[\s\S]*40 120|40 120[\s\S]*interrupted/)).toContain("interrupted");
    await program.stdin.write("end\n");
    expect(await until(out, /heard end/)).toContain("heard end");
    expect(await program.exited).toEqual({ code: 5, signal: null });
  });

  it("ends with the call's signal and with the extension, with all that it started", async () => {
    const { host, spawn } = await openLab(["bash"]);
    const aborting = new AbortController();
    const script = "trap '' TERM HUP; setsid sleep 1000 & sleep 1000 & echo up; wait";
    const [first, second] = [await spawn("bash", ["-c", script], { signal: aborting.signal }), await spawn("bash", ["-c", script])];
    for (const one of [first, second]) await until(one.stdout[Symbol.asyncIterator](), /up/);
    aborting.abort();
    expect(await codeOf(first.exited)).toMatch(/PLINTH_ABORTED|AbortError/);
    await host.close();
    expect(await codeOf(second.exited)).toMatch(/^PLINTH_/);
  });

  it("is nobody else's: only its extension may speak to it", async () => {
    const { host, spawn } = await openLab(["cat"]);
    const items = host
      .use("plinth.program-runner")
      .one()
      .open({ extension: "acme.x", programs: ["cat"], folders: [], request: { program: "cat", args: [], duplex: true } });
    const iterator = items[Symbol.asyncIterator]();
    const { open } = (await iterator.next()).value as { open: string };
    const send = (extension: string) =>
      host
        .use("plinth.program-runner")
        .one()
        .send({ extension, id: open, message: { write: "x" } });
    expect(await codeOf(send("acme.other"))).toBe("PLINTH_EXEC_ENDED");
    expect(await codeOf(send("acme.x"))).toEqual({});
    await iterator.return?.();
    expect(await codeOf(send("acme.x"))).toBe("PLINTH_EXEC_ENDED");
    expect(await codeOf(spawn("sh", ["-c", "true"]))).toBe("PLINTH_PERMISSION");
  });

  it("ends with a host that is killed", async () => {
    const mark = `plinth-${process.pid}-${Date.now()}`;
    const code = `
      const { Programs } = await import(${JSON.stringify(join(import.meta.dirname, "programs.ts"))});
      const { found } = await import(${JSON.stringify(join(import.meta.dirname, "../../../sdk/extension/tiers/index.ts"))});
      const programs = new Programs(() => found(), ${JSON.stringify(import.meta.dirname)}, async function* () {}, ${JSON.stringify(tmpdir())});
      const script = "trap '' TERM HUP; setsid sleep 1000 & echo up; exec -a ${mark} sleep 1000";
      const request = { program: "bash", args: ["-c", script], duplex: true, env: { A: "b" } };
      for await (const item of programs.open({ extension: "acme.x", programs: ["*"], folders: [], request }, new AbortController().signal))
        if ("stdout" in item) console.log("up");`;
    const host = spawn(process.execPath, ["--conditions=development", "--no-warnings", "--input-type=module", "-e", code], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    undo.push(() => host.kill("SIGKILL"));
    await until(host.stdout[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>, /up/);
    // It says so a moment before it has that name.
    while (!(await runs(mark))) await sleep(20);
    host.kill("SIGKILL");
    while (await runs(mark)) await sleep(20);
  });
});

describe.skipIf(here.bwrap === null)("a program's network", () => {
  async function site() {
    const seen: string[] = [];
    const server = createServer((request, response) => {
      seen.push(`${request.method} ${request.url} ${request.headers["proxy-authorization"] ?? ""}`);
      response.end("reached");
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    undo.push(() => {
      server.closeAllConnections();
      server.close();
    });
    return { seen, host: `127.0.0.1:${(server.address() as AddressInfo).port}` };
  }

  it("is the granted hosts, through the host, for ordinary clients; another host is refused, and nothing is reached beside it", async () => {
    const [granted, other] = [await site(), await site()];
    const { spawn } = await openLab(["bash"], [granted.host]);
    const script = `
      curl -s http://${granted.host}/plain; echo " $?"
      curl -sp http://${granted.host}/tunnel; echo " $?"
      curl -s http://${other.host}/; echo " $?"
      curl -sp http://${other.host}/; echo " $?"
      curl -s --noproxy '*' http://${granted.host}/beside; echo " $?"
      curl -s -x "http://wrong:word@\${http_proxy##*@}" -o /dev/null -w '%{http_code}' http://${granted.host}/unknown; echo
      git ls-remote http://${other.host}/x.git 2>&1 | grep -o 403
      node -e "fetch('http://${granted.host}/fetch').then((r) => r.text()).then(console.log)"`;
    const program = await spawn("bash", ["-c", script], { net: true });
    const lines = (await read(program.stdout)).trim().split("\n");
    expect(lines[0]).toBe("reached 0");
    expect(lines[1]).toBe("reached 0");
    expect(lines[2]).toMatch(/^PLINTH_PERMISSION: .*acme\.asks may not connect to/);
    expect(granted.seen.map((line) => line.split(" ").slice(0, 2).join(" "))).toContain("GET /plain");
    expect(granted.seen.join("\n")).toContain("/tunnel");
    expect(granted.seen.join("\n")).not.toMatch(/beside|unknown|Basic/);
    expect(lines).toContain("407");
    expect(lines).toContain("403");
    if (lines.at(-1) !== "403") expect(granted.seen.join("\n")).toContain("/fetch");
    expect(other.seen).toEqual([]);
  });

  it("is none where nothing is granted or it was not asked for, and no more than was asked for", async () => {
    const [one, two] = [await site(), await site()];
    const none = await openLab(["bash"]);
    expect(await codeOf(none.spawn("bash", ["-c", "true"], { net: true }))).toBe("PLINTH_PERMISSION");
    const { spawn } = await openLab(["bash"], [one.host, two.host]);
    const without = await spawn("bash", ["-c", `env | grep -ci proxy; curl -s http://${one.host}/; echo $?`]);
    expect(await read(without.stdout)).toBe("0\n7\n");
    const narrowed = await spawn("bash", ["-c", `curl -s http://${one.host}/; curl -s http://${two.host}/`], { net: [two.host] });
    expect(await read(narrowed.stdout)).toMatch(/^PLINTH_PERMISSION.*\nreached$/);
    expect(one.seen).toEqual([]);
  });
});

async function runs(mark: string): Promise<boolean> {
  const { readdir, readFile } = await import("node:fs/promises");
  for (const pid of await readdir("/proc")) {
    if (!/^\d+$/.test(pid)) continue;
    const command = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
    if (command.split("\0")[0] === mark) return true;
  }
  return false;
}
