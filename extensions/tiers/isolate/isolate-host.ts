import { HostTime } from "@plinth/sdk/tiers";
import { parseBatch, type Receiver, type Transport } from "@plinth/sdk/wire";
import { chargeGrowth, type Load, noLoad, type Part, partOf } from "./blame.ts";
import { CallMeter, type Metered } from "./call-meter.ts";
import { type Exit, IsolateProcess } from "./isolate-process.ts";
import type { Report, Told } from "./told.ts";
import { FREE, UntoldTime } from "./untold-time.ts";

const LOOK_MS = 50;
const REST_MS = 1_000;
const CLOSE_MS = 2_000;
/** What an isolate takes besides its heap, and how much faster than it is told its heap may grow. */
const ISOLATE_MB = 6;
const HEAP_SLACK = 1.5;
const MB = 1024 ** 2;

export interface TenantInput {
  /** The extension. */
  readonly id: string;
  readonly source: string;
  readonly cache: string | undefined;
  readonly heapMb: number;
  readonly turnMs: number;
  readonly callMs: number;
}

/** How an isolate ended, and whose fault that is. */
export interface End {
  readonly why: string;
  readonly part: Part;
  /** The extension that ended the process of others, when it is known. */
  readonly by: string | null;
}

export interface TenantHandler {
  /** `stale`: the engine refused its compiled code. */
  opened(stale: boolean): void;
  ended(end: End): void;
  /** What it sent took the host so long. */
  read(ms: number): void;
  /** Its process is read slowly for a while now, and most of that is because of it. */
  slowed(): void;
}

interface Tenant {
  readonly input: TenantInput;
  readonly handler: TenantHandler;
  readonly load: Load;
  readonly meter: CallMeter;
  receiver: Receiver | null;
  entered: number;
  chargedAt: number;
  /** Host time since somebody was last told that it goes slowly. */
  readMs: number;
}

/** What the runner holds of its isolate. */
export interface Tenancy {
  readonly transport: Transport;
  readonly load: Readonly<Load>;
  readonly pid: number | null;
  enter(entry: "call" | "stream" | "start"): Metered;
  readonly inFlight: number;
  /** Calls that came since it began. */
  readonly entered: number;
  /** It does not answer. */
  stuck(): void;
  close(): void;
}

/** The isolates of one process: frames to each, what each costs, and who is to blame when the process must end. */
export class IsolateHost {
  readonly #process: IsolateProcess;
  readonly #processMb: number;
  readonly #tenants = new Map<number, Tenant>();
  /** Those who ended alone, in case their threads go on. */
  readonly #gone = new Map<number, string>();
  readonly #closing = new Map<number, NodeJS.Timeout>();
  #next = 1;
  #timer: NodeJS.Timeout | null = null;
  #resting = true;
  #liveUntil = 0;
  #memoryMb = 0;
  #cpuMs = 0;
  /** What those told of who are gone. */
  #goneCpuMs = 0;
  readonly #untold: UntoldTime;
  #emptied = false;
  readonly since = Date.now();
  /** The host's own time that goes into all of them. */
  readonly time = new HostTime();
  /** How it ended, when that was not asked for. */
  onBroken: () => void = () => {};
  onCompiled: (base64: string) => void = () => {};

  constructor({ processMb, heapMb }: { processMb: number; heapMb: number }, free = FREE) {
    this.#processMb = processMb;
    this.#untold = new UntoldTime(free);
    this.#process = new IsolateProcess(heapMb, this.time, {
      frame: (number, body) => this.#frame(number, body),
      exit: (exit) => this.#exit(exit),
      slow: () => this.#slow(),
    });
  }

  get ready(): Promise<void> {
    return this.#process.ready;
  }

  get ended(): Promise<void> {
    return this.#process.ended;
  }

  get over(): boolean {
    return this.#process.over || this.#emptied;
  }

  /** Make an isolate. */
  open(input: TenantInput, handler: TenantHandler): Tenancy {
    const number = this.#next++;
    const tenant: Tenant = {
      input,
      handler,
      load: noLoad(),
      meter: new CallMeter(input.callMs),
      receiver: null,
      entered: 0,
      chargedAt: performance.now(),
      readMs: 0,
    };
    this.#tenants.set(number, tenant);
    const { source, cache, heapMb, turnMs, callMs } = input;
    void this.ready.then(
      () => this.#tell({ open: number, heapMb, turnMs, callMs, source, cache }),
      () => {},
    );
    this.#lively();
    const live = this.#process;
    return {
      load: tenant.load,
      get pid() {
        return live.pid;
      },
      get inFlight() {
        return tenant.meter.inFlight;
      },
      get entered() {
        return tenant.entered;
      },
      enter: (entry) => {
        if (this.#resting) this.#lively();
        tenant.entered++;
        return tenant.meter.enter(entry);
      },
      stuck: () => this.#endAlone(number, "it did not react any more"),
      close: () => this.#close(number),
      transport: {
        get full() {
          return live.full;
        },
        get unsent() {
          return live.unsent;
        },
        // How many they are stands before them: in there they are not parsed by whoever counts them.
        send: (batch) => live.send(number, `${batch.length}[${batch.join(",")}]`),
        bytes: (text) => Buffer.byteLength(text),
        drained: () => live.drained(),
        listen: (receiver) => {
          tenant.receiver = receiver;
        },
        close: () => this.#close(number),
      },
    };
  }

  /** For a process without isolates: the compiled code of `source`, which is not run. Empty when there is none. */
  compile(source: string): Promise<string> {
    return new Promise((resolve) => {
      this.onCompiled = resolve;
      this.#lively();
      void this.ended.then(() => resolve(""));
      void this.ready.then(
        () => this.#tell({ compile: source }),
        () => resolve(""),
      );
    });
  }

  kill(why: string): void {
    this.#process.kill(why);
  }

  #close(number: number): void {
    this.#goneCpuMs += this.#tenants.get(number)?.load.cpuMs ?? 0;
    if (!this.#tenants.delete(number) || this.over) return;
    this.#tell({ close: number });
    this.#endIfEmpty();
  }

  #frame(number: number, body: string): void {
    if (number === 0) return this.#told(JSON.parse(body) as Told);
    // Nothing in an isolate chooses its number: this is the process itself, and it is not ours any more.
    if (number >= this.#next) return this.#verdict(partOf(this.#loads(), "broken"), "its process spoke for an isolate that there is not");
    const tenant = this.#tenants.get(number);
    const receiver = tenant?.receiver;
    if (tenant === undefined || receiver === null || receiver === undefined) return;
    const began = performance.now();
    try {
      receiver.messages(parseBatch(body), body.length);
    } catch (thrown) {
      receiver.broke(thrown instanceof Error ? thrown.message : "unreadable frame");
    }
    const ms = performance.now() - began;
    tenant.readMs += ms;
    tenant.handler.read(ms);
  }

  #slow(): void {
    const tenants = [...this.#tenants.values()];
    const most = tenants.reduce((a, b) => (b.readMs > a.readMs ? b : a), tenants[0] as Tenant);
    for (const one of tenants) one.readMs = 0;
    most?.handler.slowed();
  }

  #told({ opened, stale, failed, ended, closed, why, stuck, pulse, report, compiled }: Told): void {
    if (pulse !== undefined) return this.#pulse(pulse);
    if (opened !== undefined) return this.#tenants.get(opened)?.handler.opened(stale === true);
    if (closed !== undefined) return clearTimeout(this.#closing.get(closed));
    if (compiled !== undefined) return this.onCompiled(compiled);
    // What does not end can only be ended with its process; it is charged to nobody who is still there.
    if (stuck !== undefined) return this.#verdict(new Map(), "another isolate in its process did not end", this.#gone.get(stuck));
    const number = failed ?? ended;
    if (number === undefined) return;
    const tenant = this.#tenants.get(number);
    if (tenant === undefined) return;
    if (report !== undefined) charge(tenant, report);
    this.#fault(number, tenant, String(why).slice(0, 500));
    this.#endIfEmpty();
  }

  /** End one isolate. A process that does not even confirm that is ended whole. */
  #endAlone(number: number, why: string): void {
    const tenant = this.#tenants.get(number);
    if (tenant === undefined || this.over) return;
    const suspects = partOf(this.#loads(), "broken");
    this.#tell({ close: number });
    this.#closing.set(number, setTimeout(() => this.#verdict(suspects, "its process did not react any more"), CLOSE_MS).unref());
    this.#fault(number, tenant, why);
    this.#endIfEmpty();
  }

  /** It ended alone. */
  #fault(number: number, { input, handler, load }: Tenant, why: string): void {
    this.#goneCpuMs += load.cpuMs;
    this.#tenants.delete(number);
    this.#gone.set(number, input.id);
    handler.ended({ why, part: "culprit", by: null });
  }

  #pulse(reports: readonly [number, ...Report][]): void {
    this.#liveUntil = performance.now() + REST_MS;
    if (this.#resting) this.#lively();
    for (const [number, ...report] of reports) {
      const tenant = this.#tenants.get(number);
      const why = tenant === undefined ? null : charge(tenant, report);
      if (why !== null) this.#endAlone(number, why);
    }
  }

  /** Often while something runs, timers too; seldom otherwise. */
  #lively(): void {
    this.#resting = false;
    this.#liveUntil = Math.max(this.#liveUntil, performance.now() + REST_MS);
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#look(), LOOK_MS).unref();
  }

  #look(): void {
    if (this.#process.over) return;
    const loads = this.#loads();
    const { memoryMb: nowMb, cpuMs } = this.#process.used();
    chargeGrowth(loads.values(), this.#memoryMb, nowMb);
    this.#memoryMb = nowMb;
    const limitMb = [...this.#tenants.values()].reduce((sum, tenant) => sum + allowedMb(tenant), this.#processMb);
    if (nowMb > limitMb) return this.#verdict(partOf(loads, "memory"), `its process took more memory than ${Math.round(limitMb)} MiB`);
    const told = [...loads.values()].reduce((sum, load) => sum + load.cpuMs, this.#goneCpuMs);
    if (this.#untold.isTooMuch(cpuMs, { cpuMs: told, ...this.#process.sent }))
      return this.#verdict(partOf(loads, "broken"), "its process used more processor time than its isolates tell of");
    // Also when it says that it does nothing.
    const busy = cpuMs > this.#cpuMs || [...loads.values()].some(({ inFlight, timers, turnMs }) => inFlight + timers + turnMs > 0);
    this.#cpuMs = cpuMs;
    this.#resting = !busy && performance.now() > this.#liveUntil;
    this.#timer = setTimeout(() => this.#look(), this.#resting ? REST_MS : LOOK_MS).unref();
  }

  #loads(): Map<number, Load> {
    return new Map([...this.#tenants].map(([number, { load, meter }]) => [number, Object.assign(load, { inFlight: meter.inFlight })]));
  }

  #exit({ why, asked, signal }: Exit): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    for (const timer of this.#closing.values()) clearTimeout(timer);
    // Nothing in an isolate can send SIGKILL: somebody outside has, and nobody in here is to blame.
    const outside = asked || signal === "SIGKILL" || this.#tenants.size === 0;
    this.#verdict(outside ? new Map() : partOf(this.#loads(), "broken"), why);
  }

  /** The process ends, and each of its isolates hears what it had to do with it. */
  #verdict(parts: ReadonlyMap<number, Part>, why: string, gone: string | undefined = undefined): void {
    const tenants = [...this.#tenants];
    this.#tenants.clear();
    const culprits = tenants.filter(([number]) => parts.get(number) === "culprit");
    const by = gone ?? (culprits.length === 1 ? (culprits[0]?.[1].input.id ?? null) : null);
    if (tenants.length > 0) this.onBroken();
    this.#process.kill(why);
    for (const [number, { handler }] of tenants) handler.ended({ why, part: parts.get(number) ?? "bystander", by });
  }

  #endIfEmpty(): void {
    if (this.#tenants.size > 0 || this.over || this.#next === 1) return;
    // Its isolates may still be ending: what does not end is killed with it.
    this.#emptied = true;
    this.#process.kill("nothing runs in it any more");
  }

  #tell(message: object): void {
    this.#process.send(0, JSON.stringify(message));
  }
}

/** What used more than it may, if something did. */
function charge(tenant: Tenant, [cpuMs, heapBytes, timers, turnMs]: Report): string | null {
  const { load, meter } = tenant;
  const used = Math.max(0, cpuMs - load.cpuMs);
  Object.assign(load, { cpuMs: load.cpuMs + used, heapBytes, timers, turnMs, recentMs: load.recentMs + used });
  const now = performance.now();
  const passed = now - tenant.chargedAt;
  tenant.chargedAt = now;
  return meter.charge(used, passed);
}

const allowedMb = ({ input, load }: Tenant): number => ISOLATE_MB + Math.min(input.heapMb, (load.heapBytes / MB) * HEAP_SLACK);
