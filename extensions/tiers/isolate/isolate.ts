import { PlinthError } from "@plinth/sdk";
import { GuestCalls, GuestRequests, HostTime, quieted } from "@plinth/sdk/tiers";
import { Peer, type RunnerInput } from "@plinth/sdk/wire";
import type { Part } from "./blame.ts";
import type { End, IsolateHost, Tenancy } from "./isolate-host.ts";
import type { IsolateLimits } from "./isolate-hosts.ts";

const START_MS = 15_000;
const STOP_MS = 2_000;
const PING_MS = 1_000;
const TIER = "plinth.tier-isolate";
const SLOW = "it makes the host work more than it works itself: what its process sends is read slowly";

/** How an isolate was lost: the error for its calls, and whether it is to blame. */
export interface Loss {
  readonly error: PlinthError;
  readonly part: Part;
}

/** One life of an extension: its isolate, from start to end. */
export class Isolate {
  readonly calls: GuestCalls;
  readonly lost: Promise<Loss>;
  readonly #input: RunnerInput;
  readonly #requests: GuestRequests;
  readonly #tenancy: Tenancy;
  readonly #peer: Peer;
  readonly #host: IsolateHost;
  readonly #time: HostTime;
  #onLost!: (loss: Loss) => void;
  #over = false;
  /** The engine refused its compiled code. */
  stale = false;

  constructor(input: RunnerInput, host: IsolateHost, source: string, cache: string | undefined, limits: IsolateLimits) {
    const { manifest } = input;
    this.#input = input;
    this.#time = new HostTime(host.time);
    this.#requests = new GuestRequests(input, this.#time);
    this.lost = new Promise((resolve) => {
      this.#onLost = resolve;
    });
    const { heapMb = limits.heapMb, cpuMsPerCall: callMs = limits.callMs } = manifest.budgets ?? {};
    const tenant = { id: manifest.id, source, cache, heapMb, turnMs: limits.turnMs, callMs };
    this.#host = host;
    this.#tenancy = host.open(tenant, {
      opened: (stale) => void (this.stale = stale),
      ended: (end) => this.#ended(end),
      read: (ms) => this.#time.spendInside(ms),
      slowed: () => input.onLog("warn", SLOW),
    });
    this.#peer = new Peer(this.#tenancy.transport, manifest.id, quieted(this.#requests), this.#time.spend);
    // A connection that breaks the protocol is the end of the isolate.
    void this.#peer.closed.then((error) => this.#lose({ error, part: "culprit" }));
    this.calls = new GuestCalls({
      peer: this.#peer,
      requests: this.#requests,
      enter: (entry) => this.#tenancy.enter(entry),
      stuck: () => this.#tenancy.stuck(),
    });
  }

  /** Load the code and activate it; null when that went well. */
  async start(): Promise<Loss | null> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<Loss>((resolve) => {
      const tooLate = (): PlinthError => failed("PLINTH_DEADLINE", this.#input.manifest.id, `it did not start within ${START_MS / 1000} s`);
      timer = setTimeout(() => resolve({ error: tooLate(), part: "culprit" }), START_MS).unref();
    });
    // Right behind its code: it is held until that is loaded.
    const begin = this.#host.ready.then(() => this.#peer.call("start", { ...this.#input.info }, {}, AbortSignal.timeout(START_MS + STOP_MS)));
    const refused = begin.then(
      () => null,
      (thrown: PlinthError): Loss => ({ error: thrown, part: "culprit" }),
    );
    // A lost isolate refuses its start too; what it was lost by comes first.
    const loss = await Promise.race([this.lost, late, refused.then((one) => (this.#over ? this.lost : one))]);
    // Else it would hold this isolate until then, long after its end.
    clearTimeout(timer);
    if (loss !== null) this.#lose(loss);
    return loss;
  }

  get cpuMs(): number {
    return this.#tenancy.load.cpuMs;
  }

  /** Of the host's own processor time. */
  get hostMs(): number {
    return this.#time.spentMs;
  }

  get heapBytes(): number {
    return this.#tenancy.load.heapBytes;
  }

  get pid(): number | null {
    return this.#tenancy.pid;
  }

  /** Calls that came since it started: whoever looks twice knows whether one came meanwhile. */
  get entered(): number {
    return this.#tenancy.entered;
  }

  /** Nothing waits in it: no call, no request to the host (streams and sockets are such), no timer, and no state of a scope. */
  async still(): Promise<boolean> {
    const quiet = (): boolean => this.#tenancy.inFlight === 0 && this.#peer.inFlight === 0 && this.#tenancy.load.timers === 0;
    if (!quiet()) return false;
    const said = await this.#peer.call("ping", {}, {}, AbortSignal.timeout(PING_MS)).catch(() => null);
    return quiet() && (said as { scopes?: unknown } | null)?.scopes === 0;
  }

  configure(config: Record<string, unknown>): void {
    this.#peer.note("config", config);
  }

  async stop(reason: Error): Promise<void> {
    await this.#peer.call("stop", { reason: reason.message }, {}, AbortSignal.timeout(STOP_MS)).catch(() => {});
    this.#lose({ error: exited(this.#input.manifest.id, reason.message), part: "bystander" });
  }

  #ended({ why, part, by }: End): void {
    const { id } = this.#input.manifest;
    this.#lose({ part, error: part === "culprit" ? exited(id, why) : lostWith(id, part, by) });
  }

  #lose(loss: Loss): void {
    if (this.#over) return;
    this.#over = true;
    this.#onLost(loss);
    this.#tenancy.close();
    this.#peer.close(loss.error);
    this.#requests.close();
  }
}

export const exited = (extension: string, how: string): PlinthError =>
  new PlinthError("PLINTH_EXTENSION_EXITED", `The isolate of ${extension} ended (${how}).`, {
    extension,
    next: "It is started again at its next use; `plinth status` says why it ended.",
    details: { retryable: true },
  });

/** Not its own failure: whoever ended the process owns it, or else the tier. */
const lostWith = (extension: string, part: Part, by: string | null): PlinthError =>
  new PlinthError(
    "PLINTH_EXTENSION_EXITED",
    part === "suspect" || by === null
      ? `The process that ${extension} was in ended.`
      : `The process that ${extension} shared with ${by} ended, because of ${by}.`,
    {
      extension: by ?? TIER,
      next: "Try again: it has a new one at its next use.",
      details: { retryable: true },
    },
  );

export const failed = (code: string, extension: string, why: string): PlinthError =>
  new PlinthError(code, `${extension} cannot be used: ${why}.`, { extension, next: "Report it to its author." });
