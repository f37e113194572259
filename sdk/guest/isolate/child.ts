/**
 * The program of an isolate host: one process for extensions that trust each other, one isolate for each. It loads the
 * addon, gives up every permission, and only then takes code over descriptor 3. It ends by signal, never by exit():
 * exit waits for threads that may never come back.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { Socket } from "node:net";
import { dirname, join } from "node:path";
import { encodeMux, MuxReader } from "@plinth/manifests/wire/mux.ts";
import type ivm from "isolated-vm";
import { LAZY_NAMES, lazyFile } from "./lazy-globals.ts";
import { type Compiled, Tenant, type TenantInput } from "./tenant.ts";

type Open = TenantInput & { heapMb: number };

const PULSE_MS = 50;
/** What is measured between turns arrives a little later. */
const STILL_PULSES = 4;
/** One frame of an isolate. */
const MAX_SENT = 4 * 1024 * 1024;
const MAX_UNREAD = 32 * 1024 * 1024;
/** The host's frames carry whole programs. */
const MAX_FRAME = 128 * 1024 * 1024;

const [addon = "", preludePath = "", usualHeapMb = ""] = process.argv.slice(2);
const { ivm: engine } = createRequire(addon)(addon) as { ivm: typeof ivm };
const prelude = precompiled(readFileSync(preludePath, "utf8"));
const lazy = new Map<string, string>(LAZY_NAMES.map((name) => [name, readFileSync(join(dirname(preludePath), lazyFile(name)), "utf8")]));
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
  const message = JSON.parse(body) as { open?: number; close?: number; compile?: string } & Open;
  if (message.open !== undefined) open(message.open, message);
  else if (message.close !== undefined) {
    close(message.close);
    tell({ closed: message.close });
  }
  if (message.compile !== undefined) compile(message.compile);
}, MAX_FRAME);

/** The first isolate is ready before its code comes. */
let prepared: Tenant | null = null;

function open(number: number, input: Open): void {
  const take = (body: string): boolean | void => {
    // A host that does not read: it may wait, but not fill this process.
    if (socket.writableLength > MAX_UNREAD) return void setImmediate(() => tenant.fail("it sends more than is taken"));
    // The host would end the whole process for a frame that is too long.
    if (body.length > MAX_SENT / 3 && Buffer.byteLength(body) > MAX_SENT)
      return void setImmediate(() => tenant.fail("it sent a message over the limit"));
    return send(number, body);
  };
  const usual = prepared?.heapMb === input.heapMb ? prepared : null;
  if (usual !== null) prepared = null;
  const tenant = usual ?? new Tenant({ engine, prelude, lazy, heapMb: input.heapMb }, wakePulse);
  tenants.set(number, tenant);
  tenant.onFailed = (why) => {
    tell({ ended: number, why, report: tenant.report() });
    tenants.delete(number);
  };
  tenant.onStuck = () => tell({ stuck: number });
  tenant.open(input, take).then(
    (stale) => tell({ opened: number, stale }),
    (thrown: unknown) => {
      if (!tenants.has(number)) return;
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

let pulse: NodeJS.Timeout | null = null;
let still = 0;

/** While something runs, what each isolate costs is told; the host decides by it whose fault something is. */
function wakePulse(): void {
  still = 0;
  pulse ??= setInterval(() => {
    for (const tenant of [...tenants.values()]) tenant.check();
    tell({ pulse: [...tenants].map(([number, tenant]) => [number, ...tenant.report()]) });
    if ([...tenants.values()].some((one) => one.running)) still = 0;
    else if (++still === STILL_PULSES && pulse !== null) {
      clearInterval(pulse);
      pulse = null;
    }
  }, PULSE_MS);
}

/** Compiled once, before any code of others was in here: no isolate can change what the next one begins with. */
function precompiled(code: string): Compiled {
  const isolate = new engine.Isolate({ memoryLimit: 16 });
  const script = isolate.compileScriptSync(code, { produceCachedData: true });
  const { cachedData } = script as ivm.Script & ivm.CachedDataResult;
  isolate.dispose();
  return { code, cache: cachedData };
}

/** For a process that does nothing else: code is compiled, never run. */
function compile(source: string): void {
  let compiled = "";
  try {
    const isolate = new engine.Isolate({ memoryLimit: 128 });
    const module = isolate.compileModuleSync(source, { produceCachedData: true });
    const { cachedData } = module as ivm.Module & ivm.CachedDataResult;
    if (cachedData !== undefined) compiled = Buffer.from(cachedData.copy() as ArrayBuffer).toString("base64");
  } catch {
    // What does not compile has nothing to be kept.
  }
  tell({ compiled });
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
prepared = new Tenant({ engine, prelude, lazy, heapMb: Number(usualHeapMb) }, wakePulse);
