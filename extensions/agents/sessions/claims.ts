import { setImmediate as breathe } from "node:timers/promises";
import { type MessageOrigin, type ModelMessage, PlinthError, type Provider } from "@plinth/sdk";
import { assertWritable, type Body, closings, follow, type OpenCalls, parseBody } from "./body.ts";
import type { SessionRow } from "./database.ts";
import { busy, checkKey, fenced, ran, taken } from "./errors.ts";
import { factsOf } from "./facts.ts";
import type { Ledger, Writer } from "./ledger.ts";
import { isProduct, SYSTEM } from "./origin.ts";
import type { Resets } from "./resets.ts";
import { titleFrom } from "./title.ts";
import { addTokens } from "./usage.ts";

type Contract = Provider<"plinth.session-store">;
type Input<K extends "claim" | "renew" | "append" | "release"> = Parameters<Contract[K]>[0];

const PAGE = 64;
const BATCH = 50;
/** How long another publisher's extension holds a session at most without renewing it: so long it is held for one that is gone. */
const STRANGERS_MS = 60_000;
const REMEMBERED_MS = 7 * 86_400_000;
const interrupted = "interrupted: the host stopped before this tool gave a result. It may have had its effect.";
const closingText = {
  ok: "No result was recorded for this call.",
  error: "The turn failed before this tool gave a result.",
  aborted: "The turn was aborted before this tool gave a result. It may have had its effect.",
};

/**
 * Who writes in a session. A claim is good until it expires, and longer while nobody else wants the session: what decides is
 * its fence, looked at in the transaction of each write. A process that slept through its claim finds itself fenced. What
 * another publisher's extension claims is its own conversation alone, and gives way to the product and to the owner.
 */
export class Claims {
  readonly #ledger: Ledger;
  readonly #resets: Resets | undefined;
  /** The calls that still want a result, by session; read from the transcript where this process does not know them. */
  readonly #open = new Map<string, { fence: number; open: OpenCalls }>();

  constructor(ledger: Ledger, resets?: Resets) {
    this.#ledger = ledger;
    this.#resets = resets;
  }

  async claim(input: Input<"claim">, writer: Writer): Promise<{ fence: number; head: string | null; expiresAt: number }> {
    const { key, runId, ttlMs, message, replyTo, externalId, inputs = [], expectedHead } = input;
    const { db, now } = this.#ledger;
    const claimed = await this.#ledger.write(() => {
      const row = this.#ledger.row(key);
      const claimant = strangerOf(writer);
      if (claimant !== null) this.#ledger.assertMine(row, writer.origin);
      this.#clear(row, claimant === null);
      if (db.get("ended", row.id, runId) !== undefined) throw ran(key, runId);
      for (const id of inputs) {
        if (!isProduct(writer.caller) || db.run("dequeue", id, row.id).changes === 0) throw taken(id);
      }
      const more = { ...(replyTo === undefined ? {} : { replyTo }), ...(externalId === undefined ? {} : { externalId }) };
      if (message !== undefined && claimant === null) this.#begin(row, message, writer, expectedHead);
      const head = this.#ledger.insert(row, runId, message ? [{ kind: "message", message, ...more }] : [], writer, expectedHead);
      const expiresAt = now() + heldFor(ttlMs, writer);
      const { fence } = db.get("claim", runId, expiresAt, guestOf(writer.origin), claimant, row.id) as { fence: number };
      return { fence, head, expiresAt };
    });
    this.#open.set(key, { fence: claimed.fence, open: new Map() });
    return claimed;
  }

  async renew({ key, runId, fence, ttlMs }: Input<"renew">, writer: Writer): Promise<{ expiresAt: number }> {
    return this.#ledger.write(() => {
      const row = this.#held(key, runId, fence, writer.origin);
      const expiresAt = this.#ledger.now() + heldFor(ttlMs, writer);
      this.#ledger.db.run("renew", expiresAt, row.id);
      return { expiresAt };
    });
  }

  async append({ key, runId, fence, bodies, idempotencyKey, expectedHead }: Input<"append">, writer: Writer): Promise<{ head: string }> {
    if (bodies.length === 0) throw new PlinthError("PLINTH_SESSION_EMPTY", "There is nothing to append.", { next: "Pass at least one body." });
    assertWritable(bodies, writer.caller, runId !== undefined);
    const { db, now } = this.#ledger;
    // Each has keys of its own: nobody makes another's words count as written already.
    const once = idempotencyKey === undefined || isProduct(writer.caller) ? idempotencyKey : `${writer.caller}\0${idempotencyKey}`;
    let open: OpenCalls | undefined;
    const head = await this.#ledger.write(() => {
      const row = runId === undefined ? this.#ledger.row(key) : this.#held(key, runId, fence, writer.origin);
      const known = once === undefined ? undefined : db.get("appended", row.id, once);
      if (known !== undefined) return known.head as string;
      if (runId !== undefined) open = this.#followed(row, bodies);
      const head = this.#ledger.insert(row, runId ?? null, bodies, writer, expectedHead) as string;
      if (once !== undefined) db.run("remember", row.id, once, head, now());
      return head;
    });
    if (open !== undefined) this.#open.set(key, { fence: fence as number, open });
    return { head };
  }

  async release({ key, runId, fence, bodies = [], status, error, model, usage }: Input<"release">, writer: Writer): Promise<Record<string, never>> {
    checkKey(key);
    assertWritable(bodies, writer.caller, true);
    const { db } = this.#ledger;
    await this.#ledger.write(() => {
      const row = db.session(key);
      if (row === undefined || row.running !== runId || row.fence !== fence) {
        // A run ends once; who asks again, even after it expired, gets the same answer.
        if (row !== undefined && db.get("ended", row.id, runId) !== undefined) return;
        throw fenced(key, runId);
      }
      assertSame(row, runId, writer.origin);
      const facts = { ...(error ? { error } : {}), ...(model ? { model } : {}), ...(usage ? { usage } : {}) };
      const end: Body = { kind: "run-end", status, ...facts };
      const rest = [...bodies, ...closings(this.#followed(row, bodies), closingText[status]), end];
      // An end by itself is nobody's to pay for.
      this.#ledger.insert(row, runId, rest, bodies.length === 0 ? { origin: writer.origin } : writer);
      db.run("finish", addTokens(row.tokens, usage), row.id);
    });
    this.#open.delete(key);
    return {};
  }

  /** The run that holds a session now; null where none does, also where its claim has expired. */
  holder({ running, expires }: SessionRow): string | null {
    return running !== null && (expires ?? 0) > this.#ledger.now() ? running : null;
  }

  /** Nobody else may change what a run goes on in; an expired run is ended first. Inside a transaction. */
  free(row: SessionRow, origin: MessageOrigin): void {
    this.#clear(row, origin.by !== "guest");
  }

  /** End the run whose claim has expired: error results for open calls, then its end. Inside a transaction. */
  close(row: SessionRow, status: "interrupted" | "aborted" = "interrupted"): void {
    if (row.running === null) return;
    const end: Body = { kind: "run-end", status };
    const text = status === "aborted" ? closingText.aborted : interrupted;
    this.#ledger.insert(row, row.running, [...closings(this.#openCalls(row), text), end], { origin: SYSTEM });
    this.#ledger.db.run("free", row.id);
    row.running = row.expires = row.guest = row.claimant = null;
  }

  /** End every run whose claim has expired. */
  async sweep(): Promise<void> {
    const { db, now } = this.#ledger;
    for (;;) {
      const rows = db.all("expired", now(), BATCH) as unknown as SessionRow[];
      if (rows.length === 0) return;
      await this.#ledger.write(() => {
        for (const { key } of rows) {
          const row = db.session(key);
          if (row !== undefined && this.holder(row) === null) this.close(row);
        }
      });
      if (rows.length < BATCH) return;
      await breathe();
    }
  }

  /** What was appended under a key is remembered for a week. */
  async forget(): Promise<void> {
    await this.#ledger.write(() => this.#ledger.db.run("forget", this.#ledger.now() - REMEMBERED_MS));
  }

  /** The conversation of before may have ended by itself, and one without a title gets one of its first words. */
  #begin(row: SessionRow, message: ModelMessage, writer: Writer, expectedHead: string | null | undefined): void {
    const { origin } = writer;
    if (origin.by === "system") return;
    if (this.#resets !== undefined && expectedHead === undefined && row.head !== null) {
      const reason = this.#resets.due(row, this.#ledger.now());
      // As its sender's: a guest's conversation stays one in which nobody else has words.
      if (reason !== undefined) this.#ledger.afresh(row, reason, { origin, caller: writer.caller });
    }
    const facts = factsOf(row);
    if (facts.title !== undefined || facts.made !== undefined) return;
    const title = titleFrom(message, origin);
    if (title !== undefined) this.#ledger.db.run("describe", JSON.stringify({ ...facts, title, made: true }), row.archived, row.id);
  }

  /** Nothing runs in it from here on. @param first whoever wants it comes before another publisher's extension. */
  #clear(row: SessionRow, first: boolean): void {
    const isHeld = this.holder(row) !== null;
    if (isHeld && !(first && row.claimant !== null)) throw busy(row.key, row.running as string);
    this.close(row, isHeld ? "aborted" : "interrupted");
  }

  #held(key: string, runId: string, fence: number | undefined, origin: MessageOrigin): SessionRow {
    checkKey(key);
    const row = this.#ledger.db.session(key);
    if (row === undefined || row.running !== runId || row.fence !== fence) throw fenced(key, runId);
    assertSame(row, runId, origin);
    return row;
  }

  #openCalls(row: SessionRow): OpenCalls {
    const known = this.#open.get(row.key);
    return known !== undefined && known.fence === row.fence ? known.open : this.#readOpenCalls(row);
  }

  /** The open calls after these bodies; each call gets exactly one result, so a second one is refused. */
  #followed(row: SessionRow, bodies: readonly Body[]): OpenCalls {
    const open = new Map(this.#openCalls(row));
    for (const body of bodies) {
      if (follow(open, body)) continue;
      throw new PlinthError("PLINTH_SESSION_RESULT", `The session "${row.key}" was given a tool result that answers no open call.`, {
        next: "Append the call first, and one result for each call.",
      });
    }
    return open;
  }

  /** What the run that holds the session has called without a result, read from the transcript. */
  #readOpenCalls(row: SessionRow): OpenCalls {
    const bodies: Body[] = [];
    let next = row.head;
    walk: while (next !== null) {
      const rows = this.#ledger.db.walk(next, PAGE);
      for (const { run, body } of rows) {
        if (run !== null && run !== row.running) break walk;
        const parsed = run === null ? undefined : parseBody(body);
        if (parsed === undefined) continue;
        bodies.push(parsed);
        // The user's message is a run's first entry.
        if (parsed.kind === "message" && parsed.message.role === "user") break walk;
      }
      next = rows.at(-1)?.parent ?? null;
    }
    const open: OpenCalls = new Map();
    for (const body of bodies.reverse()) follow(open, body);
    return open;
  }
}

/** A run's id is no secret, tools are told it, and a fence can be guessed: nobody else goes on in a run, nor ends it. */
function assertSame({ key, guest }: SessionRow, runId: string, origin: MessageOrigin): void {
  const asking = guestOf(origin);
  if (asking !== null && asking !== guest) throw fenced(key, runId);
}

const strangerOf = ({ caller }: Writer): string | null => (caller === undefined || isProduct(caller) ? null : caller);

const heldFor = (ttlMs: number, writer: Writer): number => (strangerOf(writer) === null ? ttlMs : Math.min(ttlMs, STRANGERS_MS));

const guestOf = ({ by, via = "" }: MessageOrigin): string | null => (by === "guest" ? via : null);
