/**
 * What an isolate starts with: the globals that an extension may expect, the guest's side of the frame protocol, and
 * nothing of Node. It holds no authority: an extension may break it, and breaks only itself.
 */
import type { WorkData } from "@plinth/manifests/wire/bridge.ts";
import { Peer } from "@plinth/manifests/wire/peer.ts";
import { serveHost } from "../guest.ts";
import { AbortController, AbortSignal } from "./abort.ts";
import { makeConsole } from "./console.ts";
import { DOMException, Event, EventTarget } from "./events.ts";
import { harden } from "./harden.ts";
import { lazyGlobals, named } from "./lazy-globals.ts";
import { Timers } from "./timers.ts";
import { Turns } from "./turns.ts";

const scope = globalThis as unknown as Record<string, unknown>;
const send = scope.__send as (text: string) => string;
delete scope.__send;
const hide = (globals: Record<string, unknown>): void => {
  for (const [name, value] of Object.entries(globals))
    Object.defineProperty(scope, name, { value: named(name, value), writable: true, configurable: true, enumerable: false });
};

const turns = new Turns(send);
const timers = new Timers(send, () => {
  const work = turns.current;
  return () => {
    turns.current = work;
  };
});
turns.onTimer = (id) => timers.fire(id);

let extension: unknown;
scope.__load = (value: unknown): void => {
  extension = value;
};
scope.__entry = (text: string, limit: number): number => turns.enter(text, limit);

// Before it is taken away from everybody.
const move = (ArrayBuffer.prototype as unknown as { transferToFixedLength(this: ArrayBuffer): void }).transferToFixedLength;
harden(scope);
hide({ AbortController, AbortSignal, DOMException, Event, EventTarget });
hide({
  queueMicrotask(body: () => void) {
    if (typeof body !== "function") throw new TypeError("queueMicrotask takes a function");
    void Promise.resolve().then(() => body());
  },
  setTimeout: (body: () => void, ms?: number, ...args: unknown[]) => timers.set(body, ms, args, false),
  setInterval: (body: () => void, ms?: number, ...args: unknown[]) => timers.set(body, ms, args, true),
  clearTimeout: (id: unknown) => timers.clear(id),
  clearInterval: (id: unknown) => timers.clear(id),
});
const timeOrigin = Date.now();
let latest = 0;
hide({
  // Whole milliseconds, which never go back.
  performance: Object.freeze({ timeOrigin, now: () => (latest = Math.max(latest, Date.now() - timeOrigin)) }),
});

const peer = serveHost({
  works: {
    current: () => turns.current,
    // It stays for the rest of the turn: what goes on after the first `await` belongs to it too.
    run(work, body) {
      turns.current = work;
      return body();
    },
    bind(promise) {
      const work: WorkData | null = turns.current;
      return promise.then(
        (value) => {
          turns.current = work;
          return value;
        },
        (thrown: unknown) => {
          turns.current = work;
          throw thrown;
        },
      );
    },
  },
  connect(handler) {
    turns.peer = new Peer(turns, "the host", handler);
    return turns.peer;
  },
  load: async () => extension,
  onBridge: (bridge) => lazyGlobals(scope, { send, bridge, detach: (buffer) => move.call(buffer) }),
});
hide({ console: makeConsole(peer), self: scope });
