import type { RunnerInput } from "@plinth/sdk/wire";
import { IsolateHost } from "./isolate-host.ts";
import { needsOwnProcess } from "./risk.ts";

export interface IsolateLimits {
  readonly heapMb: number;
  readonly turnMs: number;
  readonly callMs: number;
  readonly processMb: number;
  readonly idleMs: number;
}

/** A child that lives this long has behaved: the next end of one is the first again. */
const WELL_MS = 30_000;
const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 10_000;
const WARM_AFTER_MS = 200;
/** How long a suspect stays apart from the others. */
const APART_MS = 10 * 60_000;

interface Group {
  host: IsolateHost | null;
  /** Ends in a row that nobody asked for. */
  broken: number;
  notBefore: number;
}

/**
 * Which process an extension's isolate is in: one for all that are trusted with the same, one of its own for those of high risk and
 * for suspects; and a warm one for the next.
 */
export class IsolateHosts {
  readonly limits: IsolateLimits;
  readonly #groups = new Map<string, Group>();
  readonly #apart = new Map<string, number>();
  readonly #all = new Set<IsolateHost>();
  #spare: IsolateHost | null = null;
  #disposed = false;

  constructor(limits: IsolateLimits) {
    this.limits = limits;
  }

  /** Make something in the process for this extension. After one that broke there is a pause, which doubles each time. */
  async place<T>(input: RunnerInput, make: (host: IsolateHost) => T): Promise<T> {
    const group = this.#groupOf(input);
    const pause = group.notBefore - Date.now();
    if (pause > 0 && (group.host === null || group.host.over)) await new Promise((resolve) => setTimeout(resolve, pause));
    if (this.#disposed) throw new Error("the tier is being stopped");
    // At once: a process in which nothing is ends.
    return make(group.host === null || group.host.over ? this.#startFor(group) : group.host);
  }

  #startFor(group: Group): IsolateHost {
    const host = this.#spare !== null && !this.#spare.over ? this.#spare : this.make();
    this.#spare = null;
    group.host = host;
    host.onBroken = () => this.#broke(group, host);
    // Not now: whoever waits for this one comes first.
    void host.ready.then(
      () => void setTimeout(() => this.warm(), WARM_AFTER_MS).unref(),
      () => {},
    );
    return host;
  }

  /** It may have ended a process that it shared: it comes back in one of its own, until it has behaved for a while. */
  setApart({ manifest }: RunnerInput): void {
    this.#apart.set(manifest.id, Date.now() + APART_MS);
  }

  /** A process that nobody uses yet. */
  warm(): void {
    if (this.#disposed || (this.#spare !== null && !this.#spare.over)) return;
    this.#spare = this.make();
  }

  make(): IsolateHost {
    const host = new IsolateHost(this.limits);
    this.#all.add(host);
    void host.ended.then(() => this.#all.delete(host));
    return host;
  }

  async dispose(): Promise<void> {
    this.#disposed = true;
    const all = [...this.#all];
    for (const host of all) host.kill("the tier is being stopped");
    await Promise.all(all.map((host) => host.ended));
  }

  #groupOf({ trust, info, manifest }: RunnerInput): Group {
    const until = this.#apart.get(manifest.id) ?? 0;
    if (until <= Date.now()) this.#apart.delete(manifest.id);
    const alone = until > Date.now() || needsOwnProcess(info.manifest.permissions);
    const key = JSON.stringify(alone ? [trust, manifest.id] : [trust]);
    const group = this.#groups.get(key) ?? { host: null, broken: 0, notBefore: 0 };
    this.#groups.set(key, group);
    return group;
  }

  #broke(group: Group, host: IsolateHost): void {
    if (Date.now() - host.since > WELL_MS) group.broken = 0;
    // The first time it comes back at once.
    group.notBefore = group.broken === 0 ? 0 : Date.now() + Math.min(FIRST_PAUSE_MS * 2 ** (group.broken - 1), LONGEST_PAUSE_MS);
    group.broken++;
  }
}
