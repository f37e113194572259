import type { SqliteFile } from "@plinth/sdk/kits/sqlite";
import { fenced, moved, notYours, over, stopped, tooLarge, tooMany, unknown } from "./errors.ts";
import { type Input, isOver, type Status, type Task, type TaskChange, type TaskRow, taskOf } from "./task.ts";
import { keyOf, nameFor, sees, type Viewer } from "./viewer.ts";

export interface Kept {
  /** How long a task stays after its end. */
  readonly keepDays: number;
  /** How many that are over stay. */
  readonly keepTasks: number;
}

const DAY_MS = 86_400_000;
/** So long a task may wait for whoever runs it. */
const UNCLAIMED_MS = 300_000;
const RESULT_BYTES = 262_144;
/** Of one other publisher's extension, or one guest. */
const STRANGERS_TASKS = 1_000;
const PRUNED_EVERY = 64;
const PRUNED_AT_ONCE = 512;
const SWEPT_AT_ONCE = 200;
const LEDGER = "plinth.tasks";

/** Tasks and what changed. What decides is looked at in the transaction of each write: several processes may share the file. */
export class Ledger {
  readonly db: SqliteFile;
  readonly now: () => number;
  readonly #kept: Kept;
  readonly #listeners = new Set<() => void>();
  #count = 0;

  constructor(db: SqliteFile, now: () => number, kept: Kept) {
    this.db = db;
    this.now = now;
    this.#kept = kept;
  }

  async create(input: Input<"create">, viewer: Viewer): Promise<{ task: Task; fresh: boolean }> {
    const id = keyOf(input.id, viewer);
    const fresh = await this.#write(() => {
      const known = this.#row(id);
      if (known !== undefined) {
        // A guest learns nothing of what others began; the id is taken all the same.
        if (!sees(known, viewer)) throw notYours(input.id, viewer.guest ?? viewer.caller);
        return false;
      }
      const parent = input.parent === undefined ? undefined : this.#seen(input.parent, viewer);
      if (parent !== undefined && (isOver(parent.status) || parent.cancel !== null)) throw stopped(input.parent as string);
      this.#assertRoom(viewer);
      const at = this.now();
      const { kind, title, sessionKey = null, runId = null, deliverTo = null } = input;
      const { caller, guest = null, origin } = viewer;
      const facts = [parent?.id ?? null, sessionKey, runId, at, at, deliverTo, deliverTo === null ? null : "pending", at + UNCLAIMED_MS];
      this.db.run(INSERT, id, this.#tick(), kind, title, caller, guest, JSON.stringify(origin), ...facts);
      this.#note(id, { type: "status", status: "queued", by: caller });
      if (this.#count++ % PRUNED_EVERY === 0) this.#prune();
      return true;
    });
    return { task: this.#task(id, viewer), fresh };
  }

  async claim({ id: name, ttlMs, fence }: Input<"claim">, viewer: Viewer): Promise<{ task: Task; fence: number; expiresAt: number }> {
    const held = await this.#write(() => {
      const row = this.#run(name, viewer);
      // One that is held is its holder's alone; one that was is lost by now.
      if (row.fence !== (fence ?? 0)) throw fenced(name);
      const held = { fence: Math.max(1, row.fence), expiresAt: this.now() + ttlMs };
      this.db.run("UPDATE tasks SET fence = ?, expires = ? WHERE id = ?", held.fence, held.expiresAt, row.id);
      return held;
    });
    return { task: this.#task(keyOf(name, viewer), viewer), ...held };
  }

  async update({ id: name, fence, revision, ...change }: Input<"update">, viewer: Viewer): Promise<{ task: Task }> {
    const id = keyOf(name, viewer);
    const [progress, result, error] = [change.progress, change.result, change.error].map((value) =>
      value === undefined ? null : JSON.stringify(value),
    );
    if (Buffer.byteLength(result ?? "") > RESULT_BYTES) throw tooLarge(name);
    await this.#write(() => {
      const row = this.#run(name, viewer);
      if (row.fence === 0 || row.fence !== fence) throw fenced(name);
      if (row.revision !== revision) throw moved(name, row.revision);
      this.#touch(id);
      this.db.run(SAY, progress ?? null, result ?? null, error ?? null, id);
      if (change.status !== undefined && change.status !== row.status) this.#turn(row, change.status, viewer.caller, change.error?.message);
    });
    return { task: this.#task(id, viewer) };
  }

  async cancel({ id: name, why }: Input<"cancel">, viewer: Viewer): Promise<{ asked: boolean }> {
    const asked = await this.#write(() => {
      const top = this.#seen(name, viewer);
      if (isOver(top.status)) return false;
      const cancel = JSON.stringify({ at: this.now(), by: viewer.by, ...(why === undefined ? {} : { why }) });
      for (const row of this.db.all(TREE, top.id) as unknown as TaskRow[]) {
        if (isOver(row.status) || row.cancel !== null) continue;
        this.#touch(row.id);
        this.db.run("UPDATE tasks SET cancel = ? WHERE id = ?", cancel, row.id);
        this.#note(row.id, { type: "cancel", by: viewer.by, ...(why === undefined ? {} : { why }) });
        if (row.fence === 0) this.#turn(row, "cancelled", viewer.by, why);
      }
      return true;
    });
    return { asked };
  }

  async delivered({ id: name, status }: Input<"delivered">, viewer: Viewer): Promise<{ task: Task }> {
    await this.#write(() => {
      const row = this.#seen(name, viewer);
      // What was told, or may have been, is not told again; what failed may be tried once more.
      if (row.delivery === null || row.delivery === status || !(row.delivery === "pending" || row.delivery === "failed")) return;
      this.#touch(row.id);
      this.db.run("UPDATE tasks SET delivery = ? WHERE id = ?", status, row.id);
      this.#note(row.id, { type: "delivery", status, by: viewer.caller });
    });
    return { task: this.#task(keyOf(name, viewer), viewer) };
  }

  async get({ id: name }: Input<"get">, viewer: Viewer): Promise<{ task: Task; changes: TaskChange[] }> {
    await this.settle();
    const row = this.#seen(name, viewer);
    const changes = this.db.all("SELECT type, status, at, by, why FROM changes WHERE task = ? ORDER BY id", row.id);
    return {
      task: taskOf(row, nameFor(viewer)),
      changes: changes.map((change) => Object.fromEntries(Object.entries(change).filter(([, value]) => value !== null)) as unknown as TaskChange),
    };
  }

  async list({ status, parent, sessionKey, limit = 100, cursor }: Input<"list">, viewer: Viewer): Promise<{ tasks: Task[]; next?: string }> {
    await this.settle();
    const wanted: { sql: string; values: (string | number)[] }[] = [
      ...(status === undefined ? [] : [{ sql: `status IN (${status.map(() => "?").join(", ")})`, values: status }]),
      ...(parent === undefined ? [] : [{ sql: "parent = ?", values: [keyOf(parent, viewer)] }]),
      ...(sessionKey === undefined ? [] : [{ sql: "session = ?", values: [sessionKey] }]),
      ...(cursor === undefined ? [] : [{ sql: "changed < ?", values: [Number(cursor) || 0] }]),
      ...(viewer.stranger ? [{ sql: "owner = ?", values: [viewer.caller] }] : []),
      ...(viewer.guest === undefined ? [] : [{ sql: "guest = ?", values: [viewer.guest] }]),
    ];
    const where = ["1", ...wanted.map(({ sql }) => sql)].join(" AND ");
    const sql = `SELECT * FROM tasks WHERE ${where} ORDER BY changed DESC LIMIT ?`;
    const rows = this.db.all(sql, ...wanted.flatMap(({ values }) => values), limit + 1) as unknown as TaskRow[];
    const page = rows.slice(0, limit);
    const next = rows.length > limit ? { next: String(page.at(-1)?.changed) } : {};
    return { tasks: page.map((row) => taskOf(row, nameFor(viewer))), ...next };
  }

  /** Whoever waits for a change of this process is woken; what it returns ends that. */
  listen(wake: () => void): () => void {
    this.#listeners.add(wake);
    return () => void this.#listeners.delete(wake);
  }

  /** What nobody holds any more is lost, before anybody reads or changes it. */
  async settle(): Promise<void> {
    if (this.db.get("SELECT 1 FROM tasks WHERE expires <= ? LIMIT 1", this.now()) !== undefined) await this.#write(() => {});
  }

  close(): void {
    for (const wake of this.#listeners) wake();
    this.db.close();
  }

  async #write<T>(body: () => T): Promise<T> {
    // A refusal takes back its own transaction, so what expired is noted in one before it.
    if (this.db.get("SELECT 1 FROM tasks WHERE expires <= ? LIMIT 1", this.now()) !== undefined) await this.db.write(() => this.#lose());
    const result = await this.db.write(() => {
      this.#lose();
      return body();
    });
    for (const wake of this.#listeners) wake();
    return result;
  }

  #lose(): void {
    for (let rows: TaskRow[]; (rows = this.db.all(EXPIRED, this.now(), SWEPT_AT_ONCE) as unknown as TaskRow[]).length > 0; ) {
      for (const row of rows) {
        this.#touch(row.id);
        this.#turn(row, "lost", LEDGER, row.fence === 0 ? "Nobody began it." : "Whoever ran it was not heard of any more.");
      }
    }
  }

  /** Another status, which is the last one where it is an end. */
  #turn({ id }: TaskRow, status: Status, by: string, why?: string): void {
    this.db.run("UPDATE tasks SET status = ? WHERE id = ?", status, id);
    if (isOver(status)) this.db.run("UPDATE tasks SET ended = ?, expires = NULL WHERE id = ?", this.now(), id);
    this.#note(id, { type: "status", status, by, ...(why === undefined ? {} : { why: why.slice(0, 500) }) });
  }

  #touch(id: string): void {
    this.db.run("UPDATE tasks SET changed = ?, revision = revision + 1, updated = ? WHERE id = ?", this.#tick(), this.now(), id);
  }

  #tick(): number {
    return Number(this.db.get("UPDATE clock SET changed = changed + 1 RETURNING changed")?.changed);
  }

  #note(id: string, { type, status, by, why }: { type: string; status?: string; by: string; why?: string }): void {
    const sql = "INSERT INTO changes (task, type, status, at, by, why) VALUES (?, ?, ?, ?, ?, ?)";
    this.db.run(sql, id, type, status ?? null, this.now(), by, why ?? null);
  }

  #row(id: string): TaskRow | undefined {
    return this.db.get("SELECT * FROM tasks WHERE id = ?", id) as TaskRow | undefined;
  }

  #task(id: string, viewer: Viewer): Task {
    const row = this.#row(id);
    if (row === undefined) throw unknown(id);
    return taskOf(row, nameFor(viewer));
  }

  #seen(name: string, viewer: Viewer): TaskRow {
    const row = this.#row(keyOf(name, viewer));
    if (row === undefined || !sees(row, viewer)) throw unknown(name);
    return row;
  }

  /** One that goes on and is the caller's to run. */
  #run(name: string, viewer: Viewer): TaskRow {
    const row = this.#seen(name, viewer);
    if (row.owner !== viewer.caller) throw notYours(name, viewer.caller);
    if (isOver(row.status)) throw over(name, row.status);
    return row;
  }

  #assertRoom({ stranger, caller, guest }: Viewer): void {
    const [column, whose]: [string, string] = guest === undefined ? ["owner", caller] : ["guest", guest];
    if (!stranger && guest === undefined) return;
    const count = Number(this.db.get(`SELECT count(*) AS n FROM tasks WHERE ${column} = ?`, whose)?.n);
    if (count >= STRANGERS_TASKS) throw tooMany(whose, STRANGERS_TASKS);
  }

  #prune(): void {
    const { keepDays, keepTasks } = this.#kept;
    const rows = this.db.all(OLD, this.now() - keepDays * DAY_MS, keepTasks, PRUNED_AT_ONCE);
    for (const { id } of rows) {
      this.db.run("DELETE FROM changes WHERE task = ?", id as string);
      this.db.run("DELETE FROM tasks WHERE id = ?", id as string);
    }
  }
}

const INSERT = `INSERT INTO tasks
  (id, changed, revision, kind, title, status, owner, guest, origin, parent, session, run, created, updated, deliver_to, delivery, expires)
  VALUES (?, ?, 1, ?, ?, 'queued', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`;
const SAY = `UPDATE tasks SET progress = coalesce(?, progress), result = coalesce(?, result), error = coalesce(?, error) WHERE id = ?`;
const EXPIRED = "SELECT * FROM tasks WHERE expires <= ? LIMIT ?";
const TREE = `WITH RECURSIVE tree (id) AS (VALUES (?) UNION SELECT tasks.id FROM tasks JOIN tree ON tasks.parent = tree.id)
  SELECT tasks.* FROM tree JOIN tasks ON tasks.id = tree.id`;
/** What is old, or more than is kept, except what something that goes on hangs on. */
const OLD = `SELECT id FROM tasks AS old WHERE ended IS NOT NULL
  AND (ended < ? OR ended < (SELECT ended FROM tasks WHERE ended IS NOT NULL ORDER BY ended DESC LIMIT 1 OFFSET ?))
  AND NOT EXISTS (SELECT 1 FROM tasks AS child WHERE child.parent = old.id AND child.ended IS NULL) ORDER BY ended LIMIT ?`;
