import { setTimeout as sleep } from "node:timers/promises";
import { PlinthError } from "../errors.ts";
import {
  type Bridge,
  type ExecMessage,
  type ExecRequest,
  type FetchRequest,
  type FilesRequest,
  type Handler,
  type Principal,
  packBytes,
  type RunnerInput,
  type SocketRequest,
  toBase64,
  unpackBytes,
  type WireMeta,
  type WorkData,
} from "../wire.ts";
import { Bucket } from "./bucket.ts";
import { GuestLog } from "./guest-log.ts";
import type { HostTime } from "./host-time.ts";
import { Lane } from "./lane.ts";

/** What comes faster than this waits: an extension that asks in a loop takes its own time, not the host's. */
const REQUESTS = { perSecond: 2_000, burst: 500 };
/** Not worth a timer. */
const SOON_MS = 2;
/** Host time that a request goes on to cost where it cannot be measured, in milliseconds: names are looked up, programs started, rows written. */
const COST_MS: ReadonlyMap<string, number> = new Map([
  ["fetch", 0.5],
  ["socket", 0.5],
  ["exec", 3],
  ["files", 0.2],
]);
const ORDINARY_MS = 0.05;
/** Streams at one time, of all kinds: bodies, sockets, programs, other extensions. */
const MAX_STREAMS = 256;
/** Answers of these may be large, and none of them waits for the guest. */
const AT_ONCE = 8;

type Params = Record<string, unknown>;
type Method = (params: Params, signal: AbortSignal) => unknown;

/**
 * What an extension's process may ask: the bridge, and nothing else. Work ids are honoured only while a call that
 * carries them is inside this process, so that an id that was guessed or kept proves nothing.
 */
export class GuestRequests implements Handler {
  readonly #owner: string;
  readonly #bridge: Bridge;
  readonly #enterWork: RunnerInput["within"];
  readonly #works = new Map<string, { work: WorkData; uses: number; end?: () => void }>();
  readonly #methods: ReadonlyMap<string, Method>;
  readonly #log: GuestLog;
  readonly #pace = new Bucket(REQUESTS.perSecond, REQUESTS.burst);
  readonly #time: HostTime;
  readonly #stored = new Lane(AT_ONCE);
  #streams = 0;

  constructor({ manifest, bridge, within }: RunnerInput, time: HostTime) {
    this.#time = time;
    this.#owner = manifest.id;
    this.#log = new GuestLog(manifest.id, (level, message, fields) => bridge.log(level, message, fields));
    this.#bridge = bridge;
    this.#enterWork = within;
    this.#methods = new Map<string, Method>([
      ["list", ({ contract }) => bridge.list(String(contract))],
      ["call", (p, signal) => bridge.call(String(p.contract), name(p.id), String(p.method), p.input, { signal, deadlineMs: bound(p.deadlineMs) })],
      ["fire", (p, signal) => bridge.fire(String(p.hook), p.payload, { signal })],
      ["store.get", async ({ key }) => (await bridge.store()).get(key as string)],
      ["store.set", async ({ key, value, ttlMs }) => (await bridge.store()).set(key as string, value, bound(ttlMs))],
      ["store.delete", async ({ key }) => (await bridge.store()).delete(key as string)],
      ["store.keys", async ({ prefix }) => (await bridge.store()).keys(prefix as string | undefined)],
      ["store.clear", async () => (await bridge.store()).clear()],
      ["socket.send", (p) => bridge.socketSend(String(p.id), content((unpackBytes(p) as Params).data))],
      [
        "socket.close",
        (p) => bridge.socketClose(String(p.id), bound(p.code), p.reason === undefined || p.reason === null ? undefined : String(p.reason)),
      ],
      [
        "exec.send",
        (p) => {
          const { id, ...message } = unpackBytes(p) as Params;
          return bridge.execSend(String(id), message as unknown as ExecMessage);
        },
      ],
      ["files", async (p) => packBytes(await bridge.files(p as unknown as FilesRequest))],
      ["secret.exists", (p) => bridge.secretExists(String(p.name))],
      ["validate", (p) => bridge.validate(p.schema, p.value)],
      ["lower", ({ party, how }) => bridge.lower(String(party), String(how))],
      ["work.begin", ({ principal }) => this.#begin(principal as Principal)],
      ["work.end", ({ id }) => this.#works.get(String(id))?.end?.()],
    ]);
  }

  /** A call that carries `work` goes into the process; the result tells that it has come back. */
  enter(work: WorkData | undefined): () => void {
    if (work === undefined) return () => {};
    const held = this.#works.get(work.id) ?? { work, uses: 0 };
    held.uses++;
    this.#works.set(work.id, held);
    return () => {
      if (--held.uses === 0 && held.end === undefined) this.#works.delete(work.id);
    };
  }

  call(method: string, params: unknown, meta: WireMeta, signal: AbortSignal): unknown {
    const handler = this.#methods.get(method);
    if (handler === undefined) throw unknown(this.#owner, `there is no request ${method.slice(0, 40)}`);
    this.#time.cost(COST_MS.get(method) ?? ORDINARY_MS);
    const go = (): unknown => this.#within(meta, () => handler(object(params), signal));
    const stored = (): unknown => {
      signal.throwIfAborted();
      return go();
    };
    const ask = (): unknown => (STORED.test(method) ? this.#stored.run(stored) : go());
    const early = this.#pace.owe();
    return early < SOON_MS ? ask() : sleep(early, undefined, { signal, ref: false }).then(ask);
  }

  async *stream(method: string, params: unknown, meta: WireMeta, signal: AbortSignal): AsyncIterable<unknown> {
    const p = object(params);
    this.#time.cost(COST_MS.get(method) ?? ORDINARY_MS);
    if (this.#streams >= MAX_STREAMS) throw crowded(this.#owner);
    this.#streams++;
    try {
      const early = this.#pace.owe();
      if (early >= SOON_MS) await sleep(early, undefined, { signal, ref: false });
      yield* this.#items(method, p, meta, signal);
    } finally {
      this.#streams--;
    }
  }

  async *#items(method: string, p: Params, meta: WireMeta, signal: AbortSignal): AsyncIterable<unknown> {
    const pack = method === "fetch" ? packChunk : method === "open" ? (item: unknown) => item : packBytes;
    const iterator = this.#within(meta, () => this.#open(method, p, signal)[Symbol.asyncIterator]());
    // Each step in the work that asked, also the first, in which the host decides.
    const next = () => this.#within(meta, () => iterator.next());
    try {
      for (let step = await next(); !step.done; step = await next()) yield pack(step.value);
    } finally {
      await iterator.return?.();
    }
  }

  #open(method: string, p: Params, signal: AbortSignal): AsyncIterable<unknown> {
    const bridge = this.#bridge;
    switch (method) {
      case "open":
        return bridge.open(String(p.contract), name(p.id), String(p.method), p.input, { signal, deadlineMs: bound(p.deadlineMs) });
      case "fetch":
        return bridge.fetch(p as unknown as FetchRequest, signal);
      case "socket":
        return bridge.socket(p as unknown as SocketRequest, signal);
      case "exec":
        return bridge.exec(p as unknown as ExecRequest, signal);
      default:
        throw unknown(this.#owner, `there is no stream ${method.slice(0, 40)}`);
    }
  }

  note(method: string, params: unknown): boolean {
    return this.#log.note(method === "log" ? object(params) : {});
  }

  close(): void {
    this.#log.close();
    for (const { end } of this.#works.values()) end?.();
    this.#works.clear();
  }

  #within<T>(meta: WireMeta, body: () => T): T {
    // Frames arrive in the context in which the process was spawned: without a work of their own they have none.
    return this.#enterWork(typeof meta.work === "string" ? this.#works.get(meta.work)?.work : undefined, body);
  }

  /** New work for a principal lasts until the process ends it or dies. */
  #begin(principal: Principal): Promise<{ id: string; generation: number }> {
    return new Promise((resolve, reject) => {
      this.#bridge
        .work(principal, () => {
          const work = this.#bridge.currentWork() as WorkData;
          return new Promise<void>((end) => {
            this.#works.set(work.id, {
              work,
              uses: 0,
              end: () => {
                this.#works.delete(work.id);
                end();
              },
            });
            resolve({ id: work.id, generation: work.generation });
          });
        })
        .catch(reject);
    });
  }
}

const object = (value: unknown): Params => (value !== null && typeof value === "object" && !Array.isArray(value) ? (value as Params) : {});
const name = (value: unknown): string | null => (value === null || value === undefined ? null : String(value));
const packChunk = (item: unknown): unknown => (item instanceof Uint8Array ? toBase64(item) : item);
const content = (value: unknown): string | Uint8Array => (value instanceof Uint8Array ? value : String(value));
const bound = (value: unknown): number | undefined => (Number.isFinite(value) && Number(value) > 0 ? Number(value) : undefined);

const STORED = /^(files|store\..*)$/;

const crowded = (extension: string): PlinthError =>
  new PlinthError("PLINTH_QUOTA", `${extension} used up its budget: ${MAX_STREAMS} streams at one time.`, {
    extension,
    next: "Wait for some to end.",
  });

const unknown = (extension: string, why: string): PlinthError =>
  new PlinthError("PLINTH_PAYLOAD", `${extension} asked for what does not exist: ${why}.`, {
    extension,
    next: "Report it to the author of the extension.",
  });
