import { type FileHandle, mkdir } from "node:fs/promises";
import { setImmediate as breathe } from "node:timers/promises";
import { type AuditRecord, DEFAULT_LIMIT, decode, encode, type Filter, fits, lost, torn } from "./record.ts";
import { linesBackwards, openSegment, prune, type Segment, segmentAt, segmentsIn } from "./segment.ts";

const DAY_MS = 86_400_000;
/** So many files make up the whole: one that is removed takes a small part of the records with it. */
const PARTS = 16;
/** Lines that are made in one turn of the event loop. */
const AT_ONCE = 100;

export interface Limits {
  readonly maxMb: number;
  readonly maxDays: number;
}

export type Listener = (records: AuditRecord[]) => void;

/**
 * Records in append-only files. A batch is on the disk when `append` resolves; a crash loses at most the batch that was
 * being written. Several processes of one home may append at once: each batch is one write at the end of a file.
 */
export class Journal {
  readonly #dir: string;
  readonly #limits: Limits;
  readonly #now: () => number;
  readonly #listeners = new Set<Listener>();
  #open: { segment: Segment; file: FileHandle } | null = null;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(dir: string, limits: Limits, now: () => number) {
    this.#dir = dir;
    this.#limits = limits;
    this.#now = now;
  }

  /** Keep these, oldest first; `dropped` were lost before them. */
  append(records: readonly AuditRecord[], dropped: number): Promise<void> {
    return this.#inTurn(async () => {
      const all = dropped > 0 ? [lost(dropped, records[0]?.at ?? this.#now()), ...records] : records;
      if (all.length === 0) return;
      const lines: string[] = [];
      for (const [index, record] of all.entries()) {
        if (index > 0 && index % AT_ONCE === 0) await breathe();
        lines.push(encode(record));
      }
      const file = await this.#file();
      await file.appendFile(`${lines.join("\n")}\n`);
      await file.datasync();
      for (const listener of this.#listeners) listener([...all]);
    });
  }

  /** Newest first. */
  async query(filter: Filter, signal?: AbortSignal): Promise<AuditRecord[]> {
    await this.#turn.catch(() => {});
    return await this.#read(filter, signal);
  }

  /** What a query finds now, and from then on everything that is appended: nothing in between is missed or told twice. */
  watch(filter: Filter, listener: Listener): Promise<{ records: AuditRecord[]; stop: () => void }> {
    return this.#inTurn(async () => {
      const records = await this.#read(filter);
      const told: Listener = (more) => listener(more.filter((one) => fits(one, filter)));
      this.#listeners.add(told);
      return { records, stop: () => void this.#listeners.delete(told) };
    });
  }

  async close(): Promise<void> {
    await this.#inTurn(async () => {
      await this.#open?.file.close();
      this.#open = null;
    });
  }

  async #read(filter: Filter, signal?: AbortSignal): Promise<AuditRecord[]> {
    const { limit = DEFAULT_LIMIT } = filter;
    const since = Math.max(filter.since ?? 0, this.#oldest);
    const found: AuditRecord[] = [];
    let before = this.#now();
    for (const segment of (await segmentsIn(this.#dir)).reverse()) {
      for await (const line of linesBackwards(segment)) {
        signal?.throwIfAborted();
        const record = decode(line) ?? torn(before);
        before = record.at;
        if (!fits(record, { ...filter, since })) continue;
        found.push(record);
        if (found.length >= limit) return found;
      }
      // Older files hold older records only.
      if (segment.begun < since) break;
    }
    return found;
  }

  async #file(): Promise<FileHandle> {
    if (this.#open !== null) {
      const { segment, file } = this.#open;
      const { size, nlink } = await file.stat();
      const isFull = size >= (this.#limits.maxMb * 1_048_576) / PARTS || this.#now() - segment.begun >= (this.#limits.maxDays * DAY_MS) / PARTS;
      if (!isFull && nlink > 0) return file;
      await file.close();
      this.#open = null;
      return await this.#begin(Math.max(this.#now(), segment.begun + 1));
    }
    const last = (await segmentsIn(this.#dir)).at(-1);
    return await this.#begin(last?.begun ?? this.#now());
  }

  async #begin(begun: number): Promise<FileHandle> {
    await mkdir(this.#dir, { recursive: true, mode: 0o700 });
    const segment = segmentAt(this.#dir, begun);
    const file = await openSegment(segment);
    this.#open = { segment, file };
    await prune(this.#dir, segment, { bytes: this.#limits.maxMb * 1_048_576 * (1 - 1 / PARTS), olderThan: this.#oldest });
    return file;
  }

  get #oldest(): number {
    return this.#now() - this.#limits.maxDays * DAY_MS;
  }

  #inTurn<T>(body: () => Promise<T>): Promise<T> {
    const turn = this.#turn.catch(() => {}).then(body);
    this.#turn = turn.catch(() => {});
    return turn;
  }
}
