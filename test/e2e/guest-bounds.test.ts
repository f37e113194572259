import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { WebSocketServer } from "ws";
import { site } from "../hostile/authority.testing.ts";
import type { PackageParts } from "../hostile/case.ts";
import { makeArchive } from "../hostile/package.ts";
import { type Client, cleanUp, connect, type Gateway, newHome, onCleanUp, say, scriptedModel, sleep, sse, startGateway } from "./lab.ts";

afterEach(cleanUp);

const MIB = 1_048_576;
const descriptors = (pid: number): number => readdirSync(`/proc/${pid}/fd`).length;

interface Lab {
  readonly gateway: Gateway;
  readonly client: Client;
  /** Pack and install it in the process tier, with consent. */
  install(id: string, parts: PackageParts): Promise<void>;
  usage(id: string): Promise<any>;
}

async function openLab(limit?: number): Promise<Lab> {
  const home = await newHome();
  const model = await scriptedModel((body, _request, response) => {
    const last = body.messages.at(-1);
    const text = typeof last.content === "string" ? last.content : (last.content ?? []).map((part: any) => part.text ?? "").join("");
    if (last.role === "tool") return say(response, `saw ${text.replace(/^\[From [^\n]*\]\n/, "").slice(0, 400)}`);
    const tool = /^use (\S+)$/.exec(text)?.[1];
    if (tool === undefined) return say(response, `heard ${text}`);
    return sse.head(response).end(sse.call(`call-${randomBytes(6).toString("hex")}`, tool, {}) + sse.done);
  });
  const gateway = await startGateway(home, model.env, limit);
  const client = await connect(gateway);
  const desk = join(home, "desk");
  await mkdir(desk);
  return {
    gateway,
    client,
    async install(id, parts) {
      const spec = await makeArchive(desk, parts, { id, tool: id.replace(".", "-"), tier: "process" });
      await client.request("plugins.confirm", { code: (await client.request("plugins.install", { spec })).code });
    },
    usage: async (id) => (await client.request("host.usage")).extensions.find((one: { id: string }) => one.id === id),
  };
}

const linux = process.platform === "linux";

/** A server whose answers have no end, and that knows how much of them was read: what it sent and the system does not hold for it or its clients. */
async function endless() {
  const block = Buffer.alloc(16 * 1_024, 7);
  const open = new Map<Socket, number>();
  const sent = (): number => [...open.values()].reduce((sum, bytes) => sum + bytes, 0);
  const server = createServer((socket) => {
    open.set(socket, 0);
    const write = (bytes: Buffer): void => {
      if (!open.has(socket)) return;
      open.set(socket, (open.get(socket) ?? 0) + bytes.length);
      // The next when the system has taken this one.
      socket.write(bytes, (error) => error == null && write(block));
    };
    socket.once("data", () => write(Buffer.from("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n")));
    socket.on("error", () => {}).once("close", () => open.delete(socket));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    host: `127.0.0.1:${port}`,
    url: `http://127.0.0.1:${port}`,
    sent,
    connections: () => open.size,
    taken: () => sent() - heldBySystem(port),
    close() {
      for (const socket of open.keys()) socket.destroy();
      server.close();
    },
  };
}

/** Bytes of this port's connections that were sent and not acknowledged, or came and were not read. From `proc_net_tcp` of Linux's documentation. */
const heldBySystem = (port: number): number => {
  const end = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const lines = readFileSync("/proc/net/tcp", "utf8").split("\n").slice(1);
  return lines.reduce((sum, line) => {
    const [, local = "", remote = "", state, queues = ":"] = line.trim().split(/\s+/);
    const [sent = "0", came = "0"] = queues.split(":");
    if (state === "0A") return sum;
    return sum + (local.endsWith(end) ? Number.parseInt(sent, 16) : remote.endsWith(end) ? Number.parseInt(came, 16) : 0);
  }, 0);
};

it.runIf(linux)(
  "an extension that opens a thousand sockets and bodies leaves descriptors to the gateway, which may open 256",
  async () => {
    const { gateway, client, install } = await openLab(256);
    expect(readFileSync(`/proc/${gateway.pid}/limits`, "utf8")).toMatch(/Max open files +256 +256 /);
    const bodies = await site((_request, response) => void response.write("begun"));
    const sockets = new WebSocketServer({ port: 0, host: "127.0.0.1" });
    onCleanUp(() => {
      bodies.close();
      for (const one of sockets.clients) one.terminate();
      sockets.close();
    });
    await once(sockets, "listening");
    const socketUrl = `ws://127.0.0.1:${(sockets.address() as AddressInfo).port}`;
    await install("acme.greedy", {
      manifest: { permissions: { net: [bodies.host, new URL(socketUrl).host] } },
      activate: "globalThis.kept = [];",
      code: `
        const tries = Array.from({ length: 1000 }, (_, n) => n % 2 ? ctx.fetch(${JSON.stringify(bodies.url)}) : ctx.connect(${JSON.stringify(socketUrl)}));
        const got = await Promise.allSettled(tries);
        kept.push(...got);
        return say([...new Set(got.map((one) => one.status === "fulfilled" ? "open" : one.reason.code))].sort().join(" "));`,
    });
    expect((await client.turn("use acme-greedy", "greedy")).at(-1).text).toBe("saw PLINTH_QUOTA open");
    expect(descriptors(gateway.pid)).toBeLessThan(256 / 2);
    const other = await connect(gateway);
    for (let n = 0; n < 5; n++) expect((await other.turn(`word ${n}`, `other-${n}`)).at(-1).text).toBe(`heard word ${n}`);
    await install("acme.later", { code: 'return say("well");' });
    expect((await other.turn("use acme-later", "later")).at(-1).text).toBe("saw well");
    await client.request("plugins.uninstall", { id: "acme.greedy" });
    await expect.poll(() => descriptors(gateway.pid), { timeout: 10_000 }).toBeLessThan(80);
  },
  120_000,
);

it.runIf(linux)(
  "120 bodies that nobody reads stay with their server: the host keeps at most 32 MiB for a guest",
  async () => {
    const { client, install } = await openLab();
    const server = await endless();
    onCleanUp(() => server.close());
    await install("acme.bodies", {
      manifest: { permissions: { net: [server.host] } },
      activate: "globalThis.kept = [];",
      code: `const got = await Promise.allSettled(Array.from({ length: 120 }, () => ctx.fetch(${JSON.stringify(server.url)})));
        kept.push(...got);
        return say(got.filter(({ status }) => status === "fulfilled").length + " " + [...new Set(got.flatMap(({ reason }) => reason?.code ?? []))].join());`,
    });
    expect((await client.turn("use acme-bodies", "bodies")).at(-1).text).toBe("saw 64 PLINTH_QUOTA");
    // Until nothing moves any more: each connection waits for a reader.
    let taken = -1;
    await expect.poll(() => taken === (taken = server.taken()), { interval: 1_000, timeout: 60_000 }).toBe(true);
    console.info(
      `120 unread bodies: ${(taken / MIB).toFixed(1)} MiB were taken of ${Math.round(server.sent() / MIB)} MiB sent on ${server.connections()} connections`,
    );
    expect((await client.request("status")).extensions.find(({ id }: { id: string }) => id === "acme.bodies").state).toBe("active");
    // One that is over holds nothing: what it had was dropped.
    expect(server.connections()).toBeGreaterThan(32);
    // More was there for whoever reads.
    expect(server.sent()).toBeGreaterThan(32 * MIB);
    expect(taken).toBeGreaterThan(0);
    // All that left the connections' own buffers, also what the guest itself has by now.
    expect(taken).toBeLessThanOrEqual(32 * MIB);
  },
  120_000,
);

it.runIf(linux)(
  "tiny frames that are valid cost the host no more than the guest itself, and top tells whose they are",
  async () => {
    const { client, install, usage } = await openLab();
    await install("acme.notes", {
      top: 'import { writeSync } from "node:fs";',
      code: `
        const body = Buffer.from('[["note","log",{"level":"debug","message":"x"}]]');
        const head = Buffer.alloc(4);
        head.writeUInt32BE(body.length);
        const all = Buffer.concat(Array.from({ length: 400 }, () => Buffer.concat([head, body])));
        let rest = all;
        setInterval(() => {
          try {
            for (let n = 0; n < 4; n++) for (rest = rest.length > 0 ? rest : all; rest.length > 0; ) rest = rest.subarray(writeSync(3, rest));
          } catch {}
        }, 1);
        return say("begun");`,
    });
    expect((await client.turn("use acme-notes", "notes")).at(-1).text).toBe("saw begun");
    const begun = (await usage("acme.notes")).process;
    for (let n = 0; n < 10; n++, await sleep(300)) expect((await client.turn(`word ${n}`, `ordinary-${n}`)).at(-1).text).toBe(`heard word ${n}`);
    const now = (await usage("acme.notes")).process;
    if (now?.hostMs !== undefined) {
      expect(now.hostMs).toBeGreaterThan(0);
      // Its burst, once, and what is read before anybody can stop.
      expect(now.hostMs - begun.hostMs).toBeLessThanOrEqual(1.2 * (now.cpuMs - begun.cpuMs) + 150);
    } else expect((await client.request("status")).extensions.find(({ id }: { id: string }) => id === "acme.notes").fault.code).toMatch(/PLINTH_/);
  },
  120_000,
);

it.runIf(linux)(
  "a folder of 20 MB holds 20 MB: removed files that are open, names that are no text, and deep folders count as well",
  async () => {
    const { client, install } = await openLab();
    const kinds = {
      unlinked:
        "const path = dir + '/x'; const fd = fs.openSync(path, 'w'); fs.unlinkSync(path); for (let m = 0; m < 10; m++) fs.writeSync(fd, mib);",
      bytes:
        "const path = Buffer.concat([Buffer.from(dir + '/'), Buffer.from([0xff, 0x80 + n])]); for (let m = 0; m < 10; m++) fs.appendFileSync(path, mib);",
      deep: "const below = dir + '/d'.repeat(60 + n); fs.mkdirSync(below, { recursive: true }); for (let m = 0; m < 10; m++) fs.appendFileSync(below + '/x', mib);",
    };
    for (const [kind, code] of Object.entries(kinds)) {
      await install(`acme.${kind}`, {
        manifest: { permissions: { fs: ["data"] }, budgets: { storageMb: 20 } },
        top: 'import fs from "node:fs";',
        code: `const dir = ctx.dataDir; const mib = Buffer.alloc(1048576, 1);
          for (let n = 0; n < 50; n++) { ${code} await new Promise((resolve) => setTimeout(resolve, 60)); }
          return say("kept all of it");`,
      });
      const { text } = (await client.turn(`use acme-${kind}`, kind)).at(-1);
      expect(text).toMatch(/it kept more than 20 MiB|64 folders deep/);
    }
  },
  120_000,
);
