/**
 * The program of an isolate host: one process for one publisher, one isolate for each of its extensions. It loads the
 * addon, gives up every permission, and only then takes code over descriptor 3. It ends by signal, never by exit():
 * exit waits for threads that may never come back.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { Socket } from "node:net";
import { encodeMux, MuxReader } from "@plinth/manifests/wire/mux.ts";
import type ivm from "isolated-vm";
import { Tenant, type TenantInput } from "./tenant.ts";

const [addon = "", prelude = ""] = process.argv.slice(2);
const { ivm: engine } = createRequire(addon)(addon) as { ivm: typeof ivm };
const preludeCode = readFileSync(prelude, "utf8");
// The first isolate takes files that later ones need; it must work before the doors close.
new engine.Isolate({ memoryLimit: 8 }).dispose();
for (const scope of ["fs.read", "fs.write", "addon", "child", "worker", "net", "inspector", "wasi", "ffi"]) {
  try {
    (process as unknown as { permission: { drop(scope: string): void } }).permission.drop(scope);
  } catch {
    // This version of Node does not know the scope.
  }
}

const tenants = new Map<number, Tenant>();
const die = (): void => void process.kill(process.pid, "SIGKILL");
const socket = new Socket({ fd: 3, readable: true, writable: true });
let outgoing: Buffer[] = [];
let waiting = false;

/** Not from inside an isolate's call: what is written there waits for the next turn of the event loop. */
function send(tenant: number, body: string): boolean {
  outgoing.push(encodeMux(tenant, body));
  if (!waiting) {
    waiting = true;
    setImmediate(() => {
      waiting = false;
      const all = outgoing;
      outgoing = [];
      socket.write(all.length === 1 ? (all[0] as Buffer) : Buffer.concat(all));
    });
  }
  return socket.writableNeedDrain;
}
const tell = (message: object): void => void send(0, JSON.stringify(message));

const reader = new MuxReader((number, body) => {
  if (number !== 0) return tenants.get(number)?.receive(body);
  const message = JSON.parse(body) as { open?: number; close?: number } & Omit<TenantInput, "engine" | "prelude">;
  if (message.open !== undefined) open(message.open, message);
  else if (message.close !== undefined) close(message.close);
});

function open(number: number, input: Omit<TenantInput, "engine" | "prelude">): void {
  const tenant = new Tenant({ ...input, engine, prelude: preludeCode }, (body) => {
    // A peer that is not read from: it may wait, but not fill this process.
    if (socket.writableLength > 32 * 1024 * 1024) return tenant.fail("it sends more than is taken");
    return send(number, body);
  });
  tenants.set(number, tenant);
  tenant.onFailed = (why, stuck) => {
    tell({ ended: number, why, stuck });
    close(number);
  };
  tenant.open().then(
    () => tell({ opened: number }),
    (thrown: unknown) => {
      tell({ failed: number, why: textOf(thrown) });
      close(number);
    },
  );
}

function close(number: number): void {
  const tenant = tenants.get(number);
  tenants.delete(number);
  tenant?.dispose();
}

const textOf = (thrown: unknown): string => {
  try {
    return String((thrown as { message?: unknown }).message).slice(0, 500);
  } catch {
    return "it threw something that cannot be read";
  }
};

process.on("unhandledRejection", () => {});
socket.on("data", (chunk: Buffer) => {
  try {
    reader.push(chunk);
  } catch {
    die();
  }
});
socket.on("drain", () => {
  for (const tenant of tenants.values()) tenant.drained();
});
socket.on("error", die);
socket.on("close", die);
tell({ ready: true });
