import type ivm from "isolated-vm";
import { answerLookup } from "./lookups.ts";

export interface Vessel {
  readonly engine: typeof ivm;
  readonly prelude: Compiled;
  /** Programs of globals that not everybody reads. */
  readonly lazy: ReadonlyMap<string, string>;
  readonly heapMb: number;
}

export interface TenantInput {
  /** Longest turn: the work without a pause that one or several messages or timers cause. */
  readonly turnMs: number;
  /** Longest turn of a single call. */
  readonly callMs: number;
  readonly source: string;
  /** Compiled code of the source in base64, made by the host's own compiler. */
  readonly cache?: string;
}

export interface Compiled {
  readonly code: string;
  readonly cache: ivm.ExternalCopy<ArrayBuffer> | undefined;
}

/** What an isolate costs: CPU since its start, heap with what counts to it, timers that wait, how long its turn runs already. */
export type Report = readonly [cpuMs: number, heapBytes: number, timers: number, turnMs: number];

const MAX_TEXT = 4 * 1024 * 1024;
const MAX_TIMERS = 1_000;
const START_MS = 10_000;
const MAX_TURN_BYTES = 256 * 1024;
const MAX_QUEUE_BYTES = 64 * 1024 * 1024;
/** Messages in one turn at most. What takes long gets fewer, so that a turn's limit is not shared by many. */
const MAX_UNITS = 32;
const SHARE = 8;
/** How much longer than allowed a turn may seem to take, on a busy machine, before somebody looks after it. */
const GRACE_MS = 750;
const DISPOSE_MS = 1_000;
const HEAP_EVERY_MS = 500;

/**
 * One extension's isolate. Only strings cross: one callback out, one entry in. The first character says what a string is:
 * `[` a batch of messages, `T` a timer, `D` room to send again; outwards also `C` a cancelled timer and the lookups.
 */
export class Tenant {
  readonly #vessel: Vessel;
  readonly #isolate: ivm.Isolate;
  readonly #timers = new Map<number, NodeJS.Timeout>();
  readonly #wake: () => void;
  readonly #prepared: Promise<{ context: ivm.Context; load: ivm.Reference }>;
  #input: TenantInput | null = null;
  #send: (body: string) => boolean | void = () => {};
  #entry: ivm.Reference | null = null;
  #queue: { text: string; units: number }[] = [];
  #queued = 0;
  /** What the isolate holds of earlier texts, because it belongs to other work. */
  #left = 0;
  #running: { since: number; limitMs: number; done: Promise<unknown> } | null = null;
  #unitMs = 0;
  #outsideMs = 0;
  #heap = { bytes: 0, at: Number.NEGATIVE_INFINITY, asked: false };
  #cpuMs = 0;
  #full = false;
  /** Its code is there: until then, what comes for it waits. */
  #loaded = false;
  #over = false;
  onFailed: (why: string) => void = () => {};
  /** Disposed, but something in it goes on. */
  onStuck: () => void = () => {};

  /** Empty, but for what every isolate begins with. `wake`: something runs in here; look at it from time to time. */
  constructor(vessel: Vessel, wake: () => void) {
    this.#vessel = vessel;
    this.#wake = wake;
    this.#isolate = new vessel.engine.Isolate({
      memoryLimit: vessel.heapMb,
      // The engine has lost control of its thread.
      onCatastrophicError: () => {
        this.fail("it broke its engine");
        this.onStuck();
      },
    });
    this.#prepared = this.#prepare();
    this.#prepared.catch(() => {});
  }

  get heapMb(): number {
    return this.#vessel.heapMb;
  }

  /** Load an extension's code; true when the engine refused its compiled form. */
  async open(input: TenantInput, send: (body: string) => boolean | void): Promise<boolean> {
    this.#input = input;
    this.#send = send;
    const { context, load } = await this.#prepared;
    const { engine } = this.#vessel;
    const { source, cache } = input;
    const module = await this.#isolate.compileModule(source, cache === undefined ? {} : { cachedData: new engine.ExternalCopy(arrayBuffer(cache)) });
    await module.instantiate(context, (specifier: string) => {
      throw new Error(`its code imports ${JSON.stringify(specifier.slice(0, 80))}, and an isolate has no modules`);
    });
    await this.#guarded(module.evaluate({ timeout: START_MS }));
    const extension = await module.namespace.get("default", { reference: true });
    await this.#guarded(load.apply(undefined, [extension.derefInto()], { timeout: START_MS }));
    this.#loaded = true;
    this.#goOn();
    this.#measureHeap();
    return (module as ivm.Module & { cachedDataRejected?: boolean }).cachedDataRejected === true;
  }

  async #prepare(): Promise<{ context: ivm.Context; load: ivm.Reference }> {
    const { engine, prelude } = this.#vessel;
    const context = await this.#isolate.createContext();
    const { global } = context;
    const outside = new engine.Callback((text: unknown) => this.#take(text), { sync: true } as ivm.CallbackOptions);
    const [, script] = await Promise.all([
      global.set("__send", outside),
      this.#isolate.compileScript(prelude.code, prelude.cache === undefined ? {} : { cachedData: prelude.cache }),
    ]);
    await script.run(context, { timeout: START_MS });
    const [entry, load] = await Promise.all([global.get("__entry", { reference: true }), global.get("__load", { reference: true })]);
    // Names that no extension needs to see.
    await context.eval("delete globalThis.__entry; delete globalThis.__load;");
    this.#entry = entry;
    return { context, load };
  }

  /** A batch: how many messages, then their array. */
  receive(body: string): void {
    const at = body.indexOf("[");
    this.#enqueue(body.slice(at), Number(body.slice(0, at)));
  }

  drained(): void {
    if (!this.#full) return;
    this.#full = false;
    this.#enqueue("D", 1);
  }

  /** What it costs now. */
  report(): Report {
    try {
      this.#cpuMs = Number(this.#isolate.cpuTime) / 1e6 + this.#outsideMs;
    } catch {
      // Disposed: what it had used stands.
    }
    this.#measureHeap();
    const turnMs = this.#running === null ? 0 : performance.now() - this.#running.since;
    return [Math.round(this.#cpuMs), this.#heap.bytes, this.#timers.size, Math.round(turnMs)];
  }

  get running(): boolean {
    return this.#running !== null;
  }

  /** Some code runs outside every timeout of the engine: whoever looks from outside notices that nothing comes back. */
  check(): void {
    const turn = this.#running;
    if (turn !== null && !this.#over && performance.now() - turn.since > turn.limitMs + GRACE_MS) this.fail("it did not react any more");
  }

  fail(why: string): void {
    if (this.#over) return;
    this.onFailed(why);
    this.dispose();
  }

  dispose(): void {
    if (this.#over) return;
    this.#over = true;
    this.#queue = [];
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
    const turn = this.#running?.done;
    try {
      this.#isolate.dispose();
    } catch {
      // It was disposed when it ran out of memory.
    }
    if (turn === undefined) return;
    const late = setTimeout(() => this.onStuck(), DISPOSE_MS);
    const ended = (): void => clearTimeout(late);
    turn.then(ended, ended);
  }

  #enqueue(text: string, units: number): void {
    if (this.#over || this.#input === null) return;
    this.#queue.push({ text, units });
    this.#queued += text.length;
    if (this.#queued > MAX_QUEUE_BYTES) return this.fail("it takes nothing of what is sent to it");
    this.#goOn();
  }

  /** The next turn: as many messages as are there. What runs longer than a turn may is ended with its isolate. */
  #turn(): void {
    const entry = this.#entry as ivm.Reference;
    const { turnMs, callMs } = this.#input as TenantInput;
    let text = "";
    while (this.#queue.length > 0 && text.length < MAX_TURN_BYTES) {
      const one = this.#queue.shift() as { text: string; units: number };
      this.#queued -= one.text.length;
      this.#left += one.units;
      text = text === "" ? one.text : `${text}\n${one.text}`;
    }
    const most = this.#unitMs === 0 ? SHARE : Math.max(1, Math.min(MAX_UNITS, Math.floor(turnMs / SHARE / this.#unitMs)));
    const units = Math.min(most, this.#left);
    const limitMs = Math.min(turnMs, callMs * units);
    const turn = this.#guarded(entry.apply(undefined, [text, units], { timeout: limitMs }), limitMs);
    const since = performance.now();
    const before = this.#left;
    turn.then(
      (left: unknown) => {
        this.#left = typeof left === "number" && left > 0 ? left : 0;
        const each = (performance.now() - since) / Math.max(1, before - this.#left);
        this.#unitMs = Math.max(each, this.#unitMs * 0.9, 0.001);
        this.#goOn();
      },
      (thrown: unknown) => {
        const message = String((thrown as Error)?.message);
        if (this.#isolate.isDisposed) this.fail(`it took more memory than ${this.heapMb} MiB`);
        else if (message.includes("timed out")) this.fail(`it ran longer than ${limitMs} ms without a pause`);
        // The entry catches everything else but what cannot be caught, such as a full stack.
        else this.#goOn();
      },
    );
  }

  #goOn(): void {
    if (this.#loaded && !this.#over && this.#running === null && (this.#left > 0 || this.#queue.length > 0)) this.#turn();
  }

  async #guarded<T>(done: Promise<T>, limitMs = START_MS): Promise<T> {
    this.#running = { since: performance.now(), limitMs, done };
    this.#wake();
    try {
      return await done;
    } finally {
      this.#running = null;
    }
  }

  /** Called by whatever runs inside, on purpose or not: takes strings only, bounds everything, never throws. */
  #take(text: unknown): string {
    try {
      if (typeof text !== "string" || text.length > MAX_TEXT || this.#over) return "";
      if (text[0] === "[") {
        if (this.#send(text) === true) this.#full = true;
        return this.#full ? "full" : "";
      }
      if (text[0] === "T") this.#setTimer(text);
      else if (text[0] === "C") this.#clearTimer(Number(text.slice(1)));
      else {
        // What is done for it here is its time too.
        const began = performance.now();
        const answer = text[0] === "L" ? (this.#vessel.lazy.get(text.slice(1)) ?? "") : answerLookup(text);
        this.#outsideMs += performance.now() - began;
        return answer;
      }
    } catch {
      // Nothing of this process is told.
    }
    return "";
  }

  #setTimer(text: string): void {
    const [id = 0, ms = 0] = text.slice(1).split(",").map(Number);
    if (!Number.isSafeInteger(id) || this.#timers.has(id)) return;
    // Not from in here: its isolate waits for this call.
    if (this.#timers.size >= MAX_TIMERS) return void setImmediate(() => this.fail(`it has more than ${MAX_TIMERS} timers`));
    const timer = setTimeout(
      () => {
        this.#timers.delete(id);
        this.#enqueue(`T${id}`, 1);
      },
      Math.min(2 ** 31 - 1, Math.max(1, ms || 1)),
    );
    this.#timers.set(id, timer);
  }

  #clearTimer(id: number): void {
    clearTimeout(this.#timers.get(id));
    this.#timers.delete(id);
  }

  /** Only between turns: a running one would keep it waiting. */
  #measureHeap(): void {
    const heap = this.#heap;
    if (heap.asked || this.#over || this.#running !== null || performance.now() - heap.at < HEAP_EVERY_MS) return;
    heap.asked = true;
    const told = ({ used_heap_size, externally_allocated_size }: ivm.HeapStatistics): void => {
      this.#heap = { bytes: used_heap_size + externally_allocated_size, at: performance.now(), asked: false };
    };
    this.#isolate.getHeapStatistics().then(told, () => {});
  }
}

function arrayBuffer(base64: string): ArrayBuffer {
  const bytes = Buffer.from(base64, "base64");
  return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length) as ArrayBuffer;
}
