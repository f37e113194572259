import { join } from "node:path";
import { Journal, type Limits, type Listener } from "./journal.ts";
import { type AuditRecord, DEFAULT_LIMIT, type Filter, isOwners } from "./record.ts";

/** Owners decide seldom, and what they decided explains the rest: it stays whatever the others' limits are. */
const OF_OWNERS: Limits = { maxMb: 16, maxDays: 3_650 };

/**
 * What extensions asked for, and apart from it what owners decided: its own files with their own bounds, so that nobody
 * who is refused often enough pushes out the consent that he was given. Read, they are one log.
 */
export class AuditLog {
  readonly #asked: Journal;
  readonly #decided: Journal;

  constructor(dir: string, limits: Limits, now: () => number) {
    this.#asked = new Journal(dir, limits, now);
    this.#decided = new Journal(join(dir, "decisions"), OF_OWNERS, now);
  }

  async append(records: readonly AuditRecord[], dropped: number): Promise<void> {
    const decided = records.filter(isOwners);
    await Promise.all([
      this.#asked.append(
        records.filter((one) => !isOwners(one)),
        dropped,
      ),
      decided.length > 0 ? this.#decided.append(decided, 0) : null,
    ]);
  }

  /** Newest first. */
  async query(filter: Filter, signal?: AbortSignal): Promise<AuditRecord[]> {
    const found = await Promise.all([this.#asked.query(filter, signal), this.#decided.query(filter, signal)]);
    return newest(found, filter);
  }

  /** What a query finds now, and from then on everything that is appended: nothing in between is missed or told twice. */
  async watch(filter: Filter, listener: Listener): Promise<{ records: AuditRecord[]; stop: () => void }> {
    const [asked, decided] = await Promise.all([this.#asked.watch(filter, listener), this.#decided.watch(filter, listener)]);
    const stop = (): void => {
      asked.stop();
      decided.stop();
    };
    return { records: newest([asked.records, decided.records], filter), stop };
  }

  async close(): Promise<void> {
    await Promise.all([this.#asked.close(), this.#decided.close()]);
  }
}

const newest = (found: readonly AuditRecord[][], { limit = DEFAULT_LIMIT }: Filter): AuditRecord[] =>
  found
    .flat()
    .sort((a, b) => b.at - a.at)
    .slice(0, limit);
