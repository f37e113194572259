/** What a hostile extension tries. Each one throws when it is refused and returns what it got when it is not. */
import { spawnSync } from "node:child_process";
import { createSocket } from "node:dgram";
import * as fs from "node:fs";
import { connect, createServer } from "node:net";
import { homedir, networkInterfaces, setPriority } from "node:os";
import { setFlagsFromString } from "node:v8";
import { Worker } from "node:worker_threads";

/** What the test tells about the machine outside. */
export interface Told {
  secretFile: string;
  key: string;
  hostPid: number;
  tcpPort: number;
  udpPort: number;
  socketPath: string;
  outside: string;
  data: string;
}

type Attempt = (told: Told) => unknown;

export const attempts: Record<string, Attempt> = {
  "read /etc/passwd": () => fs.readFileSync("/etc/passwd", "utf8"),
  "read ~/.ssh": () => fs.readdirSync(`${homedir()}/.ssh`),
  "read a file outside": ({ secretFile }) => fs.readFileSync(secretFile, "utf8"),
  "read through a link that was there before": ({ data }) => fs.readFileSync(`${data}/link-of-the-owner`, "utf8"),
  "find the host's key in its own environment": ({ key }) => {
    if (JSON.stringify(process.env).includes(key)) return "process.env";
    if (fs.readFileSync("/proc/self/environ", "utf8").includes(key)) return "/proc/self/environ";
    throw denied("nothing there");
  },
  "read the host's environment": ({ hostPid }) => fs.readFileSync(`/proc/${hostPid}/environ`, "utf8"),
  "see the host among the processes": ({ hostPid }) => {
    if (!fs.readdirSync("/proc").includes(String(hostPid))) throw denied("nothing there");
  },
  "write outside": ({ outside }) => fs.writeFileSync(`${outside}/written`, "x"),
  "write into its own program": () => fs.appendFileSync(process.argv[1] as string, "x"),
  "write into /tmp": () => fs.writeFileSync("/tmp/plinth-wall-attempt", "x"),
  "link out of its folder and read": ({ data, secretFile }) => {
    const link = `${data}/link-of-its-own-${process.hrtime.bigint()}`;
    fs.symlinkSync(secretFile, link);
    return fs.readFileSync(link, "utf8");
  },
  "learn the size of a file outside": ({ secretFile }) => fs.statSync(secretFile).size,
  "change the rights of a file outside": ({ secretFile }) => fs.chmodSync(secretFile, 0o666),
  "change the times of a file outside": ({ secretFile }) => fs.utimesSync(secretFile, 1, 1),
  "write a report outside": ({ outside }) => {
    process.report.writeReport(`${outside}/report.json`);
    if (!fs.existsSync(`${outside}/report.json`)) throw denied("nothing there");
  },
  "hard-link a file into its folder": ({ data, secretFile }) => fs.linkSync(secretFile, `${data}/hard-link`),
  "open a TCP connection to this machine": ({ tcpPort }) => connected({ port: tcpPort, host: "127.0.0.1" }),
  "open a local socket": ({ socketPath }) => connected({ path: socketPath }),
  "open an abstract socket": ({ socketPath }) => connected({ path: `\0${socketPath}` }),
  "see the machine's network": () => {
    if (Object.keys(networkInterfaces()).every((name) => name === "lo")) throw denied("nothing there");
  },
  "run a shell": () => ran(spawnSync("/bin/sh", ["-c", "id"])),
  "signal the host": ({ hostPid }) => process.kill(hostPid, 0),
  "slow the host down": ({ hostPid }) => setPriority(hostPid, 19),
  "write with SQLite outside": async ({ outside }) => {
    const { DatabaseSync } = await import("node:sqlite");
    new DatabaseSync(`${outside}/written.db`).exec("create table t (x)");
  },
  "load a native module": ({ outside }) => process.dlopen({ exports: {} }, `${outside}/addon.node`),
  "use a descriptor that it was not given": () => {
    const open = Array.from({ length: 252 }, (_, index) => index + 4).filter((fd) => {
      try {
        const found = fs.fstatSync(fd);
        return found.isFile() || found.isSocket() || found.isDirectory();
      } catch {
        return false;
      }
    });
    if (open.length === 0) throw denied("nothing there");
    return open;
  },
};

/** Nothing of the system refuses these, because they stay inside the process; Node's permission model does. */
export const insideAttempts: Record<string, Attempt> = {
  "run the runtime again": () => ran(spawnSync(process.execPath, ["--version"])),
  "start a worker thread": () => new Worker("", { eval: true }),
  "reach the runtime's bindings": () => (process as unknown as { binding(name: string): unknown }).binding("fs"),
  "signal through a binding": ({ hostPid }) =>
    (process as unknown as { binding(name: string): { _kill(pid: number, signal: number): number } }).binding("process_methods")._kill(hostPid, 0),
  "replace its own program": () => (process as unknown as { execve(path: string, args: string[]): never }).execve("/bin/true", ["true"]),
  "listen on a port": () =>
    new Promise((resolve, reject) => {
      const server = createServer().once("error", reject);
      server.listen(0, "127.0.0.1", () => {
        server.close();
        resolve("listening");
      });
    }),
  "change the engine's flags": () => setFlagsFromString("--allow-natives-syntax"),
  "open the debugger": async () => (await import("node:inspector")).open(0),
};

/** Datagrams are sent into nothing without an error; only their receiver can tell. */
export const sendDatagram = ({ udpPort }: Told): Promise<unknown> =>
  new Promise((resolve, reject) => {
    const socket = createSocket("udp4").once("error", reject);
    socket.send("out", udpPort, "127.0.0.1", (error) => {
      socket.close();
      if (error) reject(error);
      else resolve("sent");
    });
  });

/** The code or words of each refusal; what was not refused stands out. */
export async function tryAll(all: Record<string, Attempt>, told: Told): Promise<Record<string, string>> {
  const outcome: Record<string, string> = {};
  for (const [name, attempt] of Object.entries(all)) {
    try {
      outcome[name] = `DONE: ${String(await attempt(told)).slice(0, 80)}`;
    } catch (thrown) {
      const { code, message } = thrown as { code?: string; message: string };
      outcome[name] = code ?? message;
    }
  }
  return outcome;
}

const MIB = 1024 ** 2;

/** Two GiB outside V8's heap, held until somebody ends it. */
export const hogs: Record<string, () => unknown> = {
  buffers: () => Array.from({ length: 64 }, () => Buffer.alloc(32 * MIB, 1)),
  "resizable buffers": () => {
    const buffer = new ArrayBuffer(MIB, { maxByteLength: 2048 * MIB });
    buffer.resize(2048 * MIB);
    return new Uint8Array(buffer).fill(1);
  },
  WebAssembly: () => {
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 32_768 });
    memory.grow(32_000);
    return new Uint8Array(memory.buffer).fill(1);
  },
};

const denied = (message: string): Error => new Error(message);

const connected = (target: { port: number; host: string } | { path: string }): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = connect(target as { path: string }, () => {
      socket.destroy();
      resolve("connected");
    }).once("error", reject);
  });

const ran = ({ error, stdout }: { error?: Error; stdout: Buffer }): string => {
  if (error !== undefined) throw error;
  return String(stdout);
};
