import { join } from "node:path";
import { writeAtomic } from "@plinth/manifests/home/atomic-file.ts";
import { readJsonIfAny } from "@plinth/manifests/home/text-file.ts";
import { type ErrorData, errorData, errors, type PlinthError } from "./errors.ts";

export interface Fault extends ErrorData {
  phase: string;
  at: number;
  count: number;
  retryAt?: number;
  /** The digest that failed: another version starts with a clean sheet. */
  digest: string;
}

const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 300_000;
/** So many failures to start or sudden ends in a row, and it waits for an owner. */
const STRIKES = 5;
const SAFE_MODE_BOOTS = 3;

/** Owns failures: who failed, in which phase, when it is tried again; persisted, so that a restart does not forget. */
export class Supervisor {
  readonly #file: string;
  readonly #bootFile: string;
  readonly #faults = new Map<string, Fault>();
  #writing: Promise<void> = Promise.resolve();

  constructor(home: string) {
    // Not in state/: an extension's folder there has the extension's id for a name.
    this.#file = join(home, "host", "faults.json");
    this.#bootFile = join(home, "host", "boots.json");
  }

  async load(): Promise<void> {
    try {
      for (const [id, fault] of Object.entries(((await readJsonIfAny(this.#file)) ?? {}) as Record<string, Fault>))
        if (typeof fault?.code === "string") this.#faults.set(id, fault);
    } catch {
      // No file: nothing failed yet. An unreadable one only forgets pauses.
    }
  }

  get faults(): ReadonlyMap<string, Fault> {
    return this.#faults;
  }

  fault(id: string): Fault | undefined {
    return this.#faults.get(id);
  }

  /** Throws while the extension must be left alone. */
  admit(id: string, digest: string): void {
    const fault = this.#faults.get(id);
    if (fault === undefined || fault.digest !== digest) return;
    if (fault.retryAt !== undefined && fault.retryAt <= Date.now()) return;
    throw errors.quarantined(id, fault.code, fault.message, fault.retryAt);
  }

  /** Record a failure to start or a sudden end; the pause doubles each time, then an owner must act. */
  strike(id: string, digest: string, phase: string, error: PlinthError): Fault {
    const previous = this.#faults.get(id);
    const count = previous !== undefined && previous.digest === digest ? previous.count + 1 : 1;
    const fault: Fault = { ...errorData(error, id), phase, at: Date.now(), count, digest };
    if (count < STRIKES) fault.retryAt = Date.now() + Math.min(FIRST_PAUSE_MS * 2 ** (count - 1), LONGEST_PAUSE_MS);
    this.#faults.set(id, fault);
    this.#save();
    return fault;
  }

  /** It works again, or an owner lifts the quarantine. */
  clear(id: string): void {
    if (this.#faults.delete(id)) this.#save();
  }

  /**
   * Count a boot that has not become ready. After three in a row only first-party extensions are started (safe mode).
   * A boot that becomes ready resets the count.
   */
  async bootStarts(): Promise<boolean> {
    let unready = 0;
    try {
      unready = Number(((await readJsonIfAny(this.#bootFile)) as { unready?: unknown }).unready) || 0;
    } catch {
      // First boot.
    }
    await writeAtomic(this.#bootFile, JSON.stringify({ unready: unready + 1 }));
    return unready >= SAFE_MODE_BOOTS;
  }

  async bootReady(): Promise<void> {
    await writeAtomic(this.#bootFile, JSON.stringify({ unready: 0 }));
  }

  /** Resolves when everything recorded is on disk. */
  flushed(): Promise<void> {
    return this.#writing;
  }

  #save(): void {
    const text = JSON.stringify(Object.fromEntries(this.#faults));
    this.#writing = this.#writing.then(() => writeAtomic(this.#file, text)).catch(() => {});
  }
}
