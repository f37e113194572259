import { randomBytes } from "node:crypto";
import type ivm from "isolated-vm";

export interface TenantInput {
  readonly engine: typeof ivm;
  readonly prelude: string;
  readonly heapMb: number;
  /** Longest turn: the synchronous work that one message or timer causes. */
  readonly turnMs: number;
  readonly source: string;
}

const MAX_TEXT = 4 * 1024 * 1024;
const MAX_TIMERS = 1_000;
const START_MS = 10_000;
/** How much longer than allowed a turn may seem to take, on a busy machine, before it counts as stuck. */
const GRACE_MS = 1_500;

/**
 * One extension's isolate. Only strings cross: one callback out, one entry in. The first character says what a string is:
 * `[` a batch of messages, `T` a timer, and outwards also `C` a cancelled timer, `R` random bytes, `U` an address to parse.
 */
export class Tenant {
  readonly #input: TenantInput;
  readonly #send: (body: string) => boolean | void;
  readonly #isolate: ivm.Isolate;
  readonly #timers = new Map<number, NodeJS.Timeout>();
  #entry: ivm.Reference | null = null;
  #turns = 0;
  #progress = 0;
  #limitMs = 0;
  #watch: NodeJS.Timeout | null = null;
  #full = false;
  #over = false;
  onFailed: (why: string, stuck: boolean) => void = () => {};

  constructor(input: TenantInput, send: (body: string) => boolean | void) {
    this.#input = input;
    this.#send = send;
    this.#isolate = new input.engine.Isolate({
      memoryLimit: input.heapMb,
      onCatastrophicError: () => void process.kill(process.pid, "SIGKILL"),
    });
  }

  async open(): Promise<void> {
    const { engine, prelude, source } = this.#input;
    const context = await this.#isolate.createContext();
    const { global } = context;
    await global.set("__send", new engine.Callback((text: unknown) => this.#take(text), { sync: true } as ivm.CallbackOptions));
    const script = await this.#isolate.compileScript(prelude);
    await script.run(context, { timeout: START_MS });
    this.#entry = await global.get("__entry", { reference: true });
    const load = await global.get("__load", { reference: true });
    await context.eval("delete globalThis.__entry; delete globalThis.__load;");
    const module = await this.#isolate.compileModule(source);
    await module.instantiate(context, (specifier: string) => {
      throw new Error(`its code imports ${JSON.stringify(specifier.slice(0, 80))}, and an isolate has no modules`);
    });
    await this.#turn(module.evaluate({ timeout: START_MS }), START_MS);
    const extension = await module.namespace.get("default", { reference: true });
    await load.apply(undefined, [extension.derefInto()], { timeout: START_MS });
  }

  receive(body: string): void {
    this.#dispatch(body);
  }

  drained(): void {
    if (!this.#full) return;
    this.#full = false;
    this.#dispatch("D");
  }

  fail(why: string, stuck = false): void {
    if (this.#over) return;
    this.#over = true;
    this.onFailed(why, stuck);
  }

  dispose(): void {
    this.#over = true;
    if (this.#watch !== null) clearInterval(this.#watch);
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
    try {
      this.#isolate.dispose();
    } catch {
      // It was disposed when it ran out of memory.
    }
  }

  #dispatch(text: string): void {
    if (this.#over || this.#entry === null) return;
    const { turnMs } = this.#input;
    this.#turn(this.#entry.apply(undefined, [text], { timeout: turnMs }), turnMs).catch((thrown: unknown) => {
      const message = String((thrown as Error)?.message);
      if (this.#isolate.isDisposed) this.fail(`it took more memory than ${this.#input.heapMb} MiB`);
      else if (message.includes("timed out")) this.fail(`it ran longer than ${turnMs} ms without a pause`);
      // The entry catches everything else but what cannot be caught, such as a full stack.
    });
  }

  /** Some code runs outside every timeout of the engine; whoever looks from outside notices that nothing comes back. */
  async #turn<T>(running: Promise<T>, limitMs: number): Promise<T> {
    if (this.#turns++ === 0) this.#progress = Date.now();
    this.#limitMs = limitMs;
    this.#watch ??= setInterval(() => {
      if (this.#turns > 0) {
        if (Date.now() - this.#progress > this.#limitMs + GRACE_MS) this.fail("it did not react any more", true);
      } else if (this.#watch !== null) {
        clearInterval(this.#watch);
        this.#watch = null;
      }
    }, 250);
    try {
      return await running;
    } finally {
      this.#turns--;
      this.#progress = Date.now();
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
      else if (text[0] === "R") return randomBytes(Math.min(65_536, Math.max(0, Number(text.slice(1)) || 0))).toString("hex");
      else if (text[0] === "U") return parseAddress(JSON.parse(text.slice(1)));
    } catch {
      // Nothing of this process is told.
    }
    return "";
  }

  #setTimer(text: string): void {
    const [id = 0, ms = 0] = text.slice(1).split(",").map(Number);
    if (!Number.isSafeInteger(id) || this.#timers.has(id)) return;
    if (this.#timers.size >= MAX_TIMERS) return this.fail(`it has more than ${MAX_TIMERS} timers`);
    const timer = setTimeout(
      () => {
        this.#timers.delete(id);
        this.#dispatch(`T${id}`);
      },
      Math.min(2 ** 31 - 1, Math.max(1, ms || 1)),
    );
    this.#timers.set(id, timer);
  }

  #clearTimer(id: number): void {
    clearTimeout(this.#timers.get(id));
    this.#timers.delete(id);
  }
}

const PARTS = ["href", "origin", "protocol", "username", "password", "host", "hostname", "port", "pathname", "search", "hash"] as const;
const SETTABLE: ReadonlySet<string> = new Set(PARTS.filter((part) => part !== "origin"));

/** [address, base, part to set, its value] → the parts of the address, or nothing. */
function parseAddress(request: unknown): string {
  const [address, base, part, value] = Array.isArray(request) ? (request as unknown[]) : [];
  const url = URL.parse(String(address), base === null || base === undefined ? undefined : String(base));
  if (url === null) return "";
  if (typeof part === "string" && SETTABLE.has(part)) url[part as "href"] = String(value);
  return JSON.stringify(PARTS.map((one) => url[one]));
}
