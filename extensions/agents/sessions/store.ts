import { type Log, type MessageOrigin, PlinthError, type Provider, type SessionInfo, type TranscriptEntry } from "@plinth/sdk";
import { type Body, closings, follow, type OpenCalls } from "./body.ts";
import { Database, type SessionRow } from "./database.ts";
import { entryIds } from "./entry-id.ts";
import { readHistory } from "./history.ts";
import { SYSTEM } from "./origin.ts";
import { Owner } from "./owner.ts";
import { charge } from "./quota.ts";
import { openCallsOf, recover } from "./recovery.ts";
import { TailCache } from "./tail-cache.ts";

type Contract = Provider<"plinth.session-store">;
type Input<K extends keyof Contract> = Parameters<Contract[K]>[0];

export interface StoreOptions {
  /** An existing folder for the file and its locks. */
  dir: string;
  now?: () => number;
  log?: Pick<Log, "warn">;
}

/** Whose words they are, and against whose budget they count: null = only the session's own. */
interface Writer {
  origin: MessageOrigin;
  payer: string | null;
}

const HOST: Writer = { origin: SYSTEM, payer: null };

/** What a transaction adds to one session. */
interface Added {
  entries: TranscriptEntry[];
  sizes: number[];
}

/** Conversations as append-only trees in one SQLite file. Each method is one short transaction. */
export class SessionStore {
  readonly #db: Database;
  readonly #owner: Owner;
  readonly #now: () => number;
  readonly #log: Pick<Log, "warn">;
  readonly #nextId: () => string;
  readonly #tails = new TailCache();
  /** The claims of this store: run id, the calls that still want a result, and which guest's run it is. */
  readonly #claims = new Map<string, { runId: string; open: OpenCalls; guest: string | null }>();

  private constructor(db: Database, owner: Owner, now: () => number, log: Pick<Log, "warn">) {
    this.#db = db;
    this.#owner = owner;
    this.#now = now;
    this.#log = log;
    this.#nextId = entryIds(now);
  }

  /** Opens the file and closes every run whose process is gone. */
  static async open({ dir, now = Date.now, log = { warn() {} } }: StoreOptions): Promise<SessionStore> {
    const db = Database.open(dir);
    const owner = Owner.take(dir);
    const store = new SessionStore(db, owner, now, log);
    try {
      await recover(db, owner, (row, bodies) => store.#insert(row, row.running, bodies, null, { origin: SYSTEM }));
      owner.sweep();
      return store;
    } catch (error) {
      store.close();
      throw error;
    }
  }

  async beginRun({ key, runId, message }: Input<"beginRun">, writer: Writer = HOST): Promise<{ head: string | null }> {
    checkKey(key);
    const holder = this.#db.session(key);
    if (holder?.owner && holder.owner !== this.#owner.id && !this.#owner.alive(holder.owner)) {
      await recover(this.#db, this.#owner, (row, bodies) => this.#insert(row, row.running, bodies, null, { origin: SYSTEM }));
    }
    const result = await this.#db.write(() => {
      const row = this.#claimable(key);
      if (row.running !== null) throw busy(key, row.running);
      return this.#insert(row, runId, message ? [{ kind: "message", message }] : [], runId, writer);
    });
    this.#claims.set(key, { runId, open: new Map(), guest: guestOf(writer.origin) });
    this.#committed(key, result);
    return { head: result.head };
  }

  async append({ key, runId, bodies }: Input<"append">, writer: Writer = HOST): Promise<{ head: string }> {
    checkKey(key);
    if (bodies.length === 0) throw new PlinthError("PLINTH_SESSION_EMPTY", "There is nothing to append.", { next: "Pass at least one body." });
    let open: OpenCalls | undefined;
    const result = await this.#db.write(() => {
      const row = runId === undefined ? this.#claimable(key) : this.#held(key, runId, writer.origin);
      if (runId !== undefined) open = this.#followed(key, row, runId, bodies);
      return this.#insert(row, runId ?? null, bodies, row.running, writer);
    });
    if (open !== undefined) this.#claims.set(key, { runId: runId!, open, guest: this.#claims.get(key)?.guest ?? guestOf(writer.origin) });
    this.#committed(key, result);
    return { head: result.head! };
  }

  async endRun({ key, runId, status, error, model }: Input<"endRun">, origin = SYSTEM): Promise<Record<string, never>> {
    checkKey(key);
    const result = await this.#db.write(() => {
      const row = this.#db.session(key);
      if (row?.running !== runId || row.owner !== this.#owner.id) {
        // A run ends once; who asks again, even after a recovery by another process, gets the same answer.
        if (row !== undefined && this.#db.get("ended", row.id, runId) !== undefined) return undefined;
        throw fenced(key, runId);
      }
      this.#held(key, runId, origin);
      const open = this.#openCalls(key, row, runId);
      const end: Body = { kind: "run-end", status, ...(error ? { error } : {}), ...(model ? { model } : {}) };
      return this.#insert(row, runId, [...closings(open, closingText[status]), end], null, { origin });
    });
    if (result !== undefined) {
      this.#claims.delete(key);
      this.#committed(key, result);
    }
    return {};
  }

  async history({ key, limit = 200 }: Input<"history">): Promise<{ entries: TranscriptEntry[] }> {
    const head = this.#db.session(key)?.head ?? null;
    if (head === null) return { entries: [] };
    const known = this.#tails.get(key, head, limit);
    if (known !== undefined) return { entries: known };
    const { entries, sizes } = await readHistory(this.#db, head, limit, (id) =>
      this.#log.warn("A transcript entry is damaged and was skipped.", { key, entry: id }),
    );
    this.#tails.put(key, entries, sizes);
    return { entries };
  }

  async list({ limit = 100, before = Number.MAX_SAFE_INTEGER }: Input<"list">): Promise<{ sessions: SessionInfo[] }> {
    const rows = this.#db.all("list", before, limit) as unknown as SessionRow[];
    return {
      sessions: rows.map(({ key, head, entries, created, updated, running }) => ({
        key,
        head,
        entries,
        createdAt: created,
        updatedAt: updated,
        ...(running === null ? {} : { running }),
      })),
    };
  }

  async setHead({ key, head }: Input<"setHead">, origin = SYSTEM): Promise<Record<string, never>> {
    checkKey(key);
    await this.#db.write(() => {
      const row = this.#db.session(key);
      if (head !== null && (row === undefined || this.#db.get("belongs", head, row.id) === undefined)) {
        throw new PlinthError("PLINTH_SESSION_ENTRY_UNKNOWN", `The session "${key}" has no entry ${head}.`, {
          next: "Take an id from the session's history.",
        });
      }
      if (row === undefined || row.head === head) return;
      // What was said is not anybody's to leave out: only its owner decides what the next turn sees of a conversation.
      if (origin.by === "guest" && this.#db.get("others", row.id, origin.via ?? "") !== undefined) throw notYours(key);
      // A run's entries must stay one chain: its calls and their results belong to one branch.
      if (row.running !== null) throw busy(key, row.running);
      this.#db.run("update", head, Math.floor(this.#now()), null, null, 0, 0, row.id);
    });
    return {};
  }

  /** Nothing is awaited half-way: every method's transaction is done when it yields, so closing is safe at any time. */
  close(): void {
    this.#db.close();
    this.#owner.release();
  }

  #claimable(key: string): SessionRow {
    const row = this.#db.session(key);
    if (row !== undefined) return row;
    const at = Math.floor(this.#now());
    const { id } = this.#db.get("create", key, at, at) as { id: number };
    return { id, key, head: null, created: at, updated: at, running: null, owner: null, entries: 0, bytes: 0 };
  }

  /** A run's id is no secret: tools are told it. Nobody else goes on in it, nor ends it. */
  #held(key: string, runId: string, origin: MessageOrigin): SessionRow {
    const row = this.#db.session(key);
    if (row?.running !== runId || row.owner !== this.#owner.id) throw fenced(key, runId);
    const guest = guestOf(origin);
    if (guest !== null && this.#claims.get(key)?.guest !== guest) throw fenced(key, runId);
    return row;
  }

  #openCalls(key: string, row: SessionRow, runId: string): OpenCalls {
    const claim = this.#claims.get(key);
    return claim?.runId === runId ? claim.open : openCallsOf(this.#db, row);
  }

  /** The open calls after these bodies; each call gets exactly one result, so a second one is refused. */
  #followed(key: string, row: SessionRow, runId: string, bodies: readonly Body[]): OpenCalls {
    const open = new Map(this.#openCalls(key, row, runId));
    for (const body of bodies) {
      if (follow(open, body)) continue;
      throw new PlinthError("PLINTH_SESSION_RESULT", `The session "${key}" was given a tool result that answers no open call.`, {
        next: "Append the call first, and one result for each call.",
      });
    }
    return open;
  }

  /**
   * Write the bodies below the head; `running` is the claim that holds afterwards. Inside a transaction. With a `payer` of
   * undefined nothing is refused: a run must be able to end.
   */
  #insert(
    row: SessionRow,
    runId: string | null,
    bodies: readonly Body[],
    running: string | null,
    { origin, payer }: { origin: MessageOrigin; payer?: string | null },
  ): Added & { head: string | null } {
    const noted = JSON.stringify(origin);
    const added: Added = { entries: [], sizes: [] };
    const at = Math.floor(this.#now());
    let parent = row.head;
    let bytes = 0;
    for (const body of bodies) {
      const id = this.#nextId();
      const json = JSON.stringify(body);
      bytes += Buffer.byteLength(json);
      this.#db.run("insert", id, row.id, parent, runId, at, body.kind === "run-end" ? 1 : 0, json, noted);
      added.entries.push({ id, parent, at, ...(runId === null ? {} : { runId }), origin, body });
      added.sizes.push(json.length);
      parent = id;
    }
    if (payer !== undefined) charge(this.#db, row, payer, bytes, at);
    // A command's entry beside a run of another process must not take that run's claim.
    const owner = running === null ? null : running === row.running ? row.owner : this.#owner.id;
    this.#db.run("update", parent, at, running, owner, bodies.length, bytes, row.id);
    return { ...added, head: parent };
  }

  #committed(key: string, { entries, sizes }: Added): void {
    if (entries.length > 0) this.#tails.extend(key, entries, sizes);
  }
}

const guestOf = ({ by, via = "" }: MessageOrigin): string | null => (by === "guest" ? via : null);

const closingText = {
  ok: "No result was recorded for this call.",
  error: "The turn failed before this tool gave a result.",
  aborted: "The turn was aborted before this tool gave a result. It may have had its effect.",
};

function checkKey(key: string): void {
  if (typeof key === "string" && key.length >= 1 && key.length <= 256) return;
  throw new PlinthError("PLINTH_SESSION_KEY", "A session key has 1 to 256 characters.", { next: "Use a shorter key." });
}

function busy(key: string, runId: string): PlinthError {
  return new PlinthError("PLINTH_SESSION_BUSY", `The session "${key}" is held by the run ${runId}.`, {
    next: "Wait until that run ends, or stop it.",
  });
}

function notYours(key: string): PlinthError {
  return new PlinthError("PLINTH_PERMISSION", `The session "${key}" holds others' words; only an owner decides where it goes on.`, {
    extension: "plinth.sessions",
    next: "Use a session of your own.",
  });
}

function fenced(key: string, runId: string): PlinthError {
  return new PlinthError("PLINTH_SESSION_FENCED", `The run ${runId} does not hold the session "${key}".`, {
    next: "Send the message again; it starts a new run.",
  });
}
