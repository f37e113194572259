import { PlinthError } from "../errors.ts";
import type { Bridge, FetchHead, FetchRequest, Handler, LogLine, Principal, RunnerInput, WireMeta, WorkData } from "../wire.ts";

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

  constructor({ manifest, bridge, within }: RunnerInput) {
    this.#owner = manifest.id;
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
      ["secret.exists", (p) => bridge.secretExists(String(p.name))],
      ["validate", (p) => bridge.validate(p.schema, p.value)],
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
    return this.#within(meta, () => handler(object(params), signal));
  }

  async *stream(method: string, params: unknown, meta: WireMeta, signal: AbortSignal): AsyncIterable<unknown> {
    const p = object(params);
    if (method === "open") {
      const options = { signal, deadlineMs: bound(p.deadlineMs) };
      yield* this.#within(meta, () => this.#bridge.open(String(p.contract), name(p.id), String(p.method), p.input, options));
    } else if (method === "fetch") {
      for await (const item of this.#within(meta, () => this.#bridge.fetch(p as unknown as FetchRequest, signal))) {
        yield item instanceof Uint8Array ? Buffer.from(item.buffer, item.byteOffset, item.byteLength).toString("base64") : (item as FetchHead);
      }
    } else throw unknown(this.#owner, `there is no stream ${method.slice(0, 40)}`);
  }

  note(method: string, params: unknown): void {
    const { level, message, fields } = object(params);
    if (method !== "log" || !["debug", "info", "warn", "error"].includes(String(level))) return;
    this.#bridge.log(level as LogLine, String(message), fields === null || typeof fields !== "object" ? undefined : (fields as Params));
  }

  close(): void {
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
const bound = (value: unknown): number | undefined => (Number.isFinite(value) && Number(value) > 0 ? Number(value) : undefined);

const unknown = (extension: string, why: string): PlinthError =>
  new PlinthError("PLINTH_PAYLOAD", `${extension} asked for what does not exist: ${why}.`, {
    extension,
    next: "Report it to the author of the extension.",
  });
