import { IsolateHost } from "./isolate-host.ts";

export interface IsolateLimits {
  readonly heapMb: number;
  readonly turnMs: number;
  readonly processMb: number;
}

/** One process for each publisher, and a warm one for the next. Extensions of two publishers never share one. */
export class IsolateHosts {
  readonly limits: IsolateLimits;
  readonly #byPublisher = new Map<string, IsolateHost>();
  #spare: IsolateHost | null = null;
  #disposed = false;

  constructor(limits: IsolateLimits) {
    this.limits = limits;
  }

  /** The publisher's process, started if there is none. */
  take(publisher: string): IsolateHost {
    const running = this.#byPublisher.get(publisher);
    if (running !== undefined && !running.over) return running;
    const host = this.#spare !== null && !this.#spare.over ? this.#spare : new IsolateHost(this.limits.processMb);
    this.#spare = null;
    this.#byPublisher.set(publisher, host);
    void host.ended.then(() => {
      if (this.#byPublisher.get(publisher) === host) this.#byPublisher.delete(publisher);
    });
    // Not now: whoever waits for this one comes first.
    void host.ready.then(
      () => {
        if (!this.#disposed && this.#spare === null) this.#spare = new IsolateHost(this.limits.processMb);
      },
      () => {},
    );
    return host;
  }

  async dispose(): Promise<void> {
    this.#disposed = true;
    const all = [...this.#byPublisher.values(), ...(this.#spare === null ? [] : [this.#spare])];
    for (const host of all) host.kill("the tier is being stopped");
    await Promise.all(all.map((host) => host.ended));
  }
}
