import type { Log, TranscriptEntry } from "@plinth/sdk";
import { Catalogue } from "./catalogue.ts";
import { Claims } from "./claims.ts";
import { Database } from "./database.ts";
import { unknownEntry } from "./errors.ts";
import { readHistory } from "./history.ts";
import { Inputs } from "./inputs.ts";
import { Ledger } from "./ledger.ts";
import type { Resets } from "./resets.ts";
import { TranscriptSearch } from "./search.ts";
import { Transfer } from "./transfer.ts";

export interface StoreOptions {
  /** An existing folder for the file. */
  dir: string;
  now?: () => number;
  log?: Pick<Log, "warn">;
  /** How often expired claims are looked for; 0: only when somebody wants the session. */
  sweepMs?: number;
  /** When conversations end by themselves; absent: never. */
  resets?: Resets | undefined;
}

/** Conversations as append-only trees in one SQLite file, which several processes may share. Each method is one short transaction. */
export class SessionStore {
  readonly ledger: Ledger;
  readonly claims: Claims;
  readonly catalogue: Catalogue;
  readonly transfer: Transfer;
  readonly inputs: Inputs;
  readonly search: TranscriptSearch;
  readonly #db: Database;
  #timer: NodeJS.Timeout | undefined;

  private constructor(db: Database, now: () => number, log: Pick<Log, "warn">, resets: Resets | undefined) {
    this.#db = db;
    this.ledger = new Ledger(db, now, log);
    this.claims = new Claims(this.ledger, resets);
    this.catalogue = new Catalogue(this.ledger, this.claims);
    this.transfer = new Transfer(this.ledger, this.claims, this.catalogue);
    this.inputs = new Inputs(this.ledger);
    this.search = new TranscriptSearch(this.ledger);
  }

  /** Opens the file and ends every run whose claim has expired. */
  static async open({ dir, now = Date.now, log = { warn() {} }, sweepMs = 0, resets }: StoreOptions): Promise<SessionStore> {
    const db = await Database.open(dir, (report) => log.warn(`The file of the conversations was damaged: ${report.words}.`, { aside: report.aside }));
    const store = new SessionStore(db, now, log, resets);
    try {
      await store.claims.sweep();
      await store.claims.forget();
      if (sweepMs > 0) store.#sweepEach(sweepMs);
      return store;
    } catch (error) {
      store.close();
      throw error;
    }
  }

  async history({ key, limit = 200, before }: { key: string; limit?: number; before?: string }): Promise<{ entries: TranscriptEntry[] }> {
    const row = this.#db.session(key);
    if (before !== undefined) return this.#page(key, row?.id, before, limit);
    const head = row?.head ?? null;
    if (head === null) return { entries: [] };
    const known = this.ledger.tails.get(key, head, limit);
    if (known !== undefined) return { entries: known };
    const { entries, sizes } = await readHistory(this.#db, head, limit, (entry) => this.#damaged(key, entry));
    this.ledger.tails.put(key, entries, sizes);
    return { entries };
  }

  /** Nothing is awaited half-way: every method's transaction is done when it yields, so closing is safe at any time. */
  close(): void {
    clearInterval(this.#timer);
    this.#db.close();
  }

  async #page(key: string, session: number | undefined, before: string, limit: number): Promise<{ entries: TranscriptEntry[] }> {
    const found = session === undefined ? undefined : (this.#db.get("belongs", before, session) as { parent: string | null } | undefined);
    if (found === undefined) throw unknownEntry(key, before);
    if (found.parent === null) return { entries: [] };
    const { entries } = await readHistory(this.#db, found.parent, limit, (entry) => this.#damaged(key, entry));
    return { entries };
  }

  #damaged(key: string, entry: string): void {
    this.ledger.log.warn("A transcript entry is damaged and was skipped.", { key, entry });
  }

  /** A look that comes late means that this process slept: its own runs get the time until the next one to renew their claims. */
  #sweepEach(ms: number): void {
    let last = performance.now();
    this.#timer = setInterval(() => {
      const late = performance.now() - last > 2 * ms;
      last = performance.now();
      if (late) return;
      this.claims.sweep().catch((error: unknown) => this.ledger.log.warn("Expired claims could not be ended.", { error: String(error) }));
    }, ms).unref();
  }
}
