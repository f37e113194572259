import type { Log, MessageOrigin, TranscriptEntry } from "@plinth/sdk";
import { type Body, owned } from "./body.ts";
import type { Database, SessionRow } from "./database.ts";
import { entryIds } from "./entry-id.ts";
import { checkKey, moved, notYours } from "./errors.ts";
import { factsOf, withoutMadeTitle } from "./facts.ts";
import { charge } from "./quota.ts";
import { TailCache } from "./tail-cache.ts";

/** Whose words they are, and against whose budget they count. */
export interface Writer {
  origin: MessageOrigin;
  /** null: only the session's own; undefined: nothing is refused, because a run must be able to end. */
  payer?: string | null;
  /** The extension that calls. */
  caller?: string;
}

interface Added {
  key: string;
  entries: TranscriptEntry[];
  sizes: number[];
}

/** What every part of the store shares: transactions that add entries, and who hears of them once they are committed. */
export class Ledger {
  readonly db: Database;
  readonly now: () => number;
  readonly log: Pick<Log, "warn">;
  readonly tails = new TailCache();
  readonly #nextId: () => string;
  readonly #heard = new Set<() => void>();
  #added: Added[] = [];

  constructor(db: Database, now: () => number, log: Pick<Log, "warn">) {
    this.db = db;
    this.now = () => Math.floor(now());
    this.log = log;
    this.#nextId = entryIds(now);
  }

  /** One transaction: all of it or nothing. It may be run again while another process writes. */
  async write<T>(body: () => T): Promise<T> {
    let added: Added[] = [];
    const result = await this.db.write(() => {
      added = this.#added = [];
      return body();
    });
    for (const { key, entries, sizes } of added) if (entries.length > 0) this.tails.extend(key, entries, sizes);
    if (added.length > 0) for (const hear of this.#heard) hear();
    return result;
  }

  /** `hear` is called after each commit of this process; returns how to end it. */
  listen(hear: () => void): () => void {
    this.#heard.add(hear);
    return () => void this.#heard.delete(hear);
  }

  /** The session, made where there is none. Inside a transaction. */
  row(key: string): SessionRow {
    checkKey(key);
    const found = this.db.session(key);
    if (found !== undefined) return found;
    const at = this.now();
    this.db.get("create", key, at, at);
    return this.db.session(key) as SessionRow;
  }

  /** What was said, or waits to be answered, is not anybody's to leave out or to put elsewhere: its owner decides what becomes of a conversation. */
  assertMine({ id, key }: SessionRow, origin: MessageOrigin): void {
    if (origin.by === "guest" && this.db.get("others", id, origin.via ?? "") !== undefined) throw notYours(key);
  }

  /** The head is where nothing was said yet; what was stays. Returns the boundary's id. Inside a transaction. */
  afresh(row: SessionRow, reason: string, writer: Writer): string {
    const from = row.head;
    row.head = null;
    const head = this.insert(row, null, [{ kind: "reset", reason, ...(from === null ? {} : { from }) }], writer) as string;
    this.began(row);
    return head;
  }

  /** Inside a transaction. */
  began(row: SessionRow): void {
    row.started = this.now();
    row.facts = JSON.stringify(withoutMadeTitle(factsOf(row)));
    this.db.run("began", row.started, row.facts, row.id);
  }

  /**
   * Write the bodies below the head, each the parent of the next. Inside a transaction.
   *
   * @param given of a single entry that was written elsewhere before.
   */
  insert(
    row: SessionRow,
    runId: string | null,
    bodies: readonly Body[],
    writer: Writer,
    expectedHead?: string | null,
    given?: { id: string; at: number },
  ): string | null {
    if (expectedHead !== undefined && expectedHead !== row.head) throw moved(row.key, row.head);
    const { origin, payer } = writer;
    const noted = JSON.stringify(origin);
    const added: Added = { key: row.key, entries: [], sizes: [] };
    const now = this.now();
    const at = given?.at ?? now;
    let parent = row.head;
    let bytes = 0;
    for (const one of bodies) {
      const body = owned(one, writer.caller);
      const id = given?.id ?? this.#nextId();
      const json = JSON.stringify(body);
      bytes += Buffer.byteLength(json);
      const { row: seq } = this.db.run("insert", id, row.id, parent, runId, at, body.kind === "run-end" ? 1 : 0, json, noted);
      added.entries.push({ id, parent, seq, at, ...(runId === null ? {} : { runId }), origin, body });
      added.sizes.push(json.length);
      parent = id;
    }
    if (payer !== undefined) charge(this.db, row, payer, bytes, now);
    const touched = origin.by !== "system" && bodies.some(isSaid) ? now : null;
    this.db.run("update", parent, now, bodies.length, bytes, touched, row.id);
    row.head = parent;
    row.touched = touched ?? row.touched;
    row.entries += bodies.length;
    row.bytes += bytes;
    this.#added.push(added);
    return parent;
  }
}

/** What a person says; a command is one's word, too. */
const isSaid = (body: Body): boolean => body.kind === "command" || (body.kind === "message" && body.message.role === "user");
