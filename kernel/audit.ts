import type { AuditRecord } from "@plinth/manifests";
import { Shares } from "@plinth/manifests/wire/parties.ts";
import { currentWork } from "./work.ts";

export type Decision = Omit<AuditRecord, "at" | "work" | "principal">;

const FLUSH_MS = 200;
const HELD = 2_000;
const BATCH = 500;
/** Of one extension: no number of refusals fills the journal, or makes it turn over. */
const PER_MINUTE = 600;

/**
 * What extensions asked for and what became of it, on its way to whoever keeps it. Nobody waits for that: when it is
 * slower than the records come, the newest are counted instead of held; never an owner's.
 */
export class Audit {
  #held: AuditRecord[] = [];
  #dropped = 0;
  readonly #minute = new Shares();
  #timer: NodeJS.Timeout | null = null;
  #sending: Promise<void> = Promise.resolve();
  readonly #level: () => "off" | "denied" | "all";
  readonly #keep: (records: AuditRecord[], dropped: number) => Promise<unknown>;

  constructor(level: () => "off" | "denied" | "all", keep: (records: AuditRecord[], dropped: number) => Promise<unknown>) {
    this.#level = level;
    this.#keep = keep;
  }

  /** Ask before a record is made: most of what is allowed is not wanted. What owners change always is. */
  wants(allowed: boolean, kind?: Decision["kind"]): boolean {
    const level = this.#level();
    return level === "all" || (level === "denied" && (!allowed || kind === "grant" || kind === "admin"));
  }

  note(decision: Decision): void {
    if (!this.wants(decision.allowed, decision.kind)) return;
    const full = this.#held.length >= HELD || this.#minute.spend(decision.extension, 1) > PER_MINUTE;
    if (full && decision.kind !== "grant") {
      this.#dropped++;
      return;
    }
    const work = currentWork();
    const principal = work === undefined ? undefined : `${work.principal.role} via ${work.principal.via}`;
    const what = decision.what.slice(0, 500);
    this.#held.push({ ...decision, what, at: Date.now(), ...(work === undefined ? {} : { work: work.id, principal: principal as string }) });
    this.#timer ??= setTimeout(() => void this.flush(), FLUSH_MS).unref();
  }

  /** Resolves when everything noted so far was handed over, or could not be. */
  flush(): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#sending = this.#sending.then(async () => {
      while (this.#held.length > 0) {
        const [records, dropped] = [this.#held.splice(0, BATCH), this.#dropped];
        this.#dropped = 0;
        try {
          await this.#keep(records, dropped);
        } catch {
          // Whoever should keep it cannot now: no next try at once, or telling that it failed would have no end.
          this.#dropped += records.length + dropped;
          return;
        }
      }
    });
    return this.#sending;
  }
}
