/**
 * What an isolate starts with: the globals that an extension may expect, the guest's side of the frame protocol, and
 * nothing of Node. It holds no authority: an extension may break it, and breaks only itself.
 */
import type { WorkData } from "@plinth/manifests/wire/bridge.ts";
import { parseBatch } from "@plinth/manifests/wire/frames.ts";
import { Peer } from "@plinth/manifests/wire/peer.ts";
import type { Receiver, Transport } from "@plinth/manifests/wire/transport.ts";
import { serveHost } from "../guest.ts";
import { AbortController, AbortSignal, DOMException, Event, EventTarget } from "./abort.ts";
import { structuredClone } from "./clone.ts";
import { atob, btoa, TextDecoder, TextEncoder, utf8Length } from "./encoding.ts";
import { Timers } from "./timers.ts";
import { addressClasses } from "./url.ts";

const scope = globalThis as unknown as Record<string, unknown>;
const send = scope.__send as (text: string) => string;
delete scope.__send;

/**
 * The work of the message that is being handled. Each message has a turn of its own, to the end of its microtasks, and an
 * answer is handled as the work that asked. Code of one call that waits for another one's promise goes on as the other.
 */
let current: WorkData | null = null;
const timers = new Timers(send, () => {
  const work = current;
  return () => {
    current = work;
  };
});

let receiver: Receiver | null = null;
let full = false;
let drained: Promise<void> | null = null;
let onDrained = (): void => {};

const transport: Transport = {
  get full() {
    return full;
  },
  send(batch) {
    if (send(`[${batch.join(",")}]`) === "full") full = true;
  },
  bytes: utf8Length,
  drained() {
    drained ??= new Promise((resolve) => {
      onDrained = resolve;
    });
    return drained;
  },
  listen(to) {
    receiver = to;
  },
  close() {
    receiver = null;
  },
};

let extension: unknown;
scope.__load = (value: unknown): void => {
  extension = value;
};
scope.__entry = (text: string): void => {
  try {
    current = null;
    if (text[0] === "[") receiver?.messages(parseBatch(text));
    else if (text[0] === "T") timers.fire(Number(text.slice(1)));
    else if (text === "D") {
      full = false;
      drained = null;
      onDrained();
    }
  } catch {
    // Whatever it was, it stays in here.
  }
};

const { URL, URLSearchParams } = addressClasses(send);
const hidden = (name: string, value: unknown): void =>
  void Object.defineProperty(scope, name, { value, writable: true, configurable: true, enumerable: false });
const globals = { AbortController, AbortSignal, DOMException, Event, EventTarget, TextDecoder, TextEncoder, URL, URLSearchParams, atob, btoa };
for (const [name, value] of Object.entries(globals)) hidden(name, value);
hidden("structuredClone", structuredClone);
hidden("queueMicrotask", (body: () => void) => {
  if (typeof body !== "function") throw new TypeError("queueMicrotask takes a function");
  void Promise.resolve().then(body);
});
hidden("setTimeout", (body: () => void, ms?: number, ...args: unknown[]) => timers.set(body, ms, args, false));
hidden("setInterval", (body: () => void, ms?: number, ...args: unknown[]) => timers.set(body, ms, args, true));
for (const name of ["clearTimeout", "clearInterval"]) hidden(name, (id: unknown) => timers.clear(id));

const fillRandom = <T extends ArrayBufferView>(view: T): T => {
  if (view.byteLength > 65_536) throw new DOMException("at most 65536 random bytes at once", "QuotaExceededError");
  const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  const hex = send(`R${bytes.length}`);
  for (let at = 0; at < bytes.length; at++) bytes[at] = Number.parseInt(hex.slice(2 * at, 2 * at + 2), 16);
  return view;
};
hidden(
  "crypto",
  Object.freeze({
    getRandomValues: fillRandom,
    randomUUID() {
      const bytes = fillRandom(new Uint8Array(16));
      bytes[6] = ((bytes[6] as number) & 0x0f) | 0x40;
      bytes[8] = ((bytes[8] as number) & 0x3f) | 0x80;
      const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
      return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
    },
  }),
);

// What no limit of the engine counts, or what lets threads share memory.
for (const name of ["WebAssembly", "SharedArrayBuffer", "Atomics"]) delete scope[name];
const buffers = ArrayBuffer.prototype as unknown as Record<string, unknown>;
for (const name of ["resize", "transfer", "transferToFixedLength"]) delete buffers[name];
Reflect.deleteProperty(Object.prototype, "__proto__");

const peer = serveHost({
  works: {
    current: () => current,
    // It stays for the rest of the turn: what goes on after the first `await` belongs to it too.
    run(work, body) {
      current = work;
      return body();
    },
    bind(promise) {
      const work = current;
      const back = (): void => {
        current = work;
      };
      return promise.then(
        (value) => {
          back();
          return value;
        },
        (thrown: unknown) => {
          back();
          throw thrown;
        },
      );
    },
  },
  connect: (handler) => new Peer(transport, "the host", handler),
  load: async () => extension,
});

const line =
  (level: string) =>
  (...values: unknown[]) =>
    peer.note("log", { level, message: values.map(shown).join(" ").slice(0, 8_000) });
function shown(value: unknown): string {
  if (typeof value === "string") return value;
  if (value instanceof Error) return String(value.stack ?? value);
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return String(value);
  }
}
const levels = { log: "info", info: "info", warn: "warn", error: "error", debug: "debug", trace: "debug" };
hidden("console", Object.fromEntries(Object.entries(levels).map(([name, level]) => [name, line(level)])));
