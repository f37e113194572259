import type { InboundItem, OutboundMessage, Receipt } from "@plinth/sdk";
import type { Database, Row } from "./database.ts";

/** An item that has not had its effect yet. */
export interface OpenItem {
  seq: number;
  channel: string;
  account: string;
  event: string;
  conversation: string;
  /** When it was taken. */
  at: number;
  item: InboundItem;
  /** Its turn was begun, perhaps by an earlier process. */
  run: string | undefined;
  /** The key of the conversation that it was begun in. */
  session: string | undefined;
  tries: number;
}

export interface Delivery {
  seq: number;
  key: string;
  channel: string;
  account: string;
  conversation: string;
  tries: number;
  message: OutboundMessage;
}

/** Done rows are known again for so long. */
const KEPT_MS = 7 * 86_400_000;

/** What came in and what goes out, each with how far it is. Nothing here is lost or done twice when the process is killed. */
export class Book {
  readonly #db: Database;
  readonly #now: () => number;

  constructor(db: Database, now: () => number) {
    this.#db = db;
    this.#now = now;
  }

  knows({ address, eventId }: InboundItem): boolean {
    const sql = "SELECT 1 FROM items WHERE channel = ? AND account = ? AND event = ?";
    return this.#db.get(sql, address.channel, address.account, eventId) !== undefined;
  }

  /** False when it was taken before. @param done it has no turn; `replies` is all that comes of it. */
  take(item: InboundItem, conversation: string, done: boolean, replies: readonly OutboundMessage[] = []): boolean {
    return this.#db.write(() => {
      const sql = "INSERT OR IGNORE INTO items (channel, account, event, conversation, at, state, body) VALUES (?, ?, ?, ?, ?, ?, ?)";
      const { channel, account } = item.address;
      const isNew =
        this.#db.run(sql, channel, account, item.eventId, conversation, this.#now(), done ? "done" : "waiting", done ? null : JSON.stringify(item)) >
        0;
      if (isNew) this.#add(conversation, replies);
      return isNew;
    });
  }

  /** Oldest first. */
  open(conversation: string): OpenItem[] {
    return this.#db.all("SELECT * FROM items WHERE conversation = ? AND state <> 'done' ORDER BY seq LIMIT 100", conversation).map(itemOf);
  }

  waitingIn(conversation: string): number {
    return Number(this.#db.get("SELECT count(*) AS n FROM items WHERE conversation = ? AND state <> 'done'", conversation)?.n ?? 0);
  }

  /** Conversations in which something is still to be done. */
  unfinished(): string[] {
    const sql =
      "SELECT DISTINCT conversation FROM items WHERE state <> 'done' UNION SELECT DISTINCT conversation FROM deliveries WHERE state IN ('waiting', 'sending')";
    return this.#db.all(sql).map(({ conversation }) => String(conversation));
  }

  /** From here on these are one turn, under this id. */
  begin(items: readonly OpenItem[], run: string, session: string): void {
    this.#db.write(() => {
      const sql = "UPDATE items SET state = 'running', run = ?, session = ?, tries = tries + 1 WHERE seq = ?";
      for (const { seq } of items) this.#db.run(sql, run, session, seq);
    });
  }

  /** The turn is over, and this is what is to be said: both or neither. */
  finish(items: readonly OpenItem[], conversation: string, replies: readonly OutboundMessage[]): void {
    this.#db.write(() => {
      for (const { seq } of items) this.#db.run("UPDATE items SET state = 'done', body = NULL WHERE seq = ?", seq);
      this.#add(conversation, replies);
    });
  }

  /** What waits is changed or withdrawn by who wrote it; false when its turn has begun. */
  amend(conversation: string, messageId: string, sender: string, change: (item: InboundItem) => InboundItem | undefined): boolean {
    const found = this.open(conversation).find(({ item, run }) => run === undefined && idOf(item) === messageId && item.sender?.id === sender);
    if (found === undefined) return false;
    const changed = change(found.item);
    if (changed === undefined) this.finish([found], conversation, []);
    else this.#db.run("UPDATE items SET body = ? WHERE seq = ? AND run IS NULL", JSON.stringify(changed), found.seq);
    return true;
  }

  say(conversation: string, messages: readonly OutboundMessage[]): void {
    this.#db.write(() => this.#add(conversation, messages));
  }

  /** The oldest that is to be sent. */
  next(conversation: string): Delivery | undefined {
    const row = this.#db.get("SELECT * FROM deliveries WHERE conversation = ? AND state = 'waiting' ORDER BY seq LIMIT 1", conversation);
    return row === undefined ? undefined : deliveryOf(row);
  }

  /** It is about to leave: from here on nobody can tell whether it did, until there is a receipt. */
  sending({ seq }: Delivery): void {
    this.#db.run("UPDATE deliveries SET state = 'sending', tries = tries + 1 WHERE seq = ?", seq);
  }

  again({ seq }: Delivery, error: string): void {
    this.#db.run("UPDATE deliveries SET state = 'waiting', error = ? WHERE seq = ?", error, seq);
  }

  settled({ seq }: Delivery, state: "sent" | "unknown" | "failed", receipt: Receipt | undefined, error: string | undefined): void {
    const sql = "UPDATE deliveries SET state = ?, receipt = ?, error = ?, message = NULL WHERE seq = ?";
    this.#db.run(sql, state, receipt === undefined ? null : JSON.stringify(receipt), error ?? null, seq);
  }

  /** What an ended process was sending: again where the channel knows its keys, else nobody knows and it stays. */
  recover(channel: string, idempotent: boolean): void {
    const sql = "UPDATE deliveries SET state = ?, error = ? WHERE channel = ? AND state = 'sending'";
    const why = "The host ended while it was sent.";
    this.#db.run(sql, idempotent ? "waiting" : "unknown", why, channel);
  }

  counts(channel: string, account: string): Record<"waiting" | "toSend" | "failed" | "unknown", number> {
    const sql = `SELECT
      (SELECT count(*) FROM items WHERE channel = $c AND account = $a AND state <> 'done') AS waiting,
      (SELECT count(*) FROM deliveries WHERE channel = $c AND account = $a AND state IN ('waiting', 'sending')) AS toSend,
      (SELECT count(*) FROM deliveries WHERE channel = $c AND account = $a AND state = 'failed') AS failed,
      (SELECT count(*) FROM deliveries WHERE channel = $c AND account = $a AND state = 'unknown') AS unknown`
      .replaceAll("$c", "?1")
      .replaceAll("$a", "?2");
    const row = this.#db.get(sql, channel, account) ?? {};
    return { waiting: Number(row.waiting), toSend: Number(row.toSend), failed: Number(row.failed), unknown: Number(row.unknown) };
  }

  sweep(): void {
    const before = this.#now() - KEPT_MS;
    this.#db.run("DELETE FROM items WHERE state = 'done' AND at < ?", before);
    this.#db.run("DELETE FROM deliveries WHERE state NOT IN ('waiting', 'sending') AND at < ?", before);
  }

  #add(conversation: string, messages: readonly OutboundMessage[]): void {
    const sql = "INSERT OR IGNORE INTO deliveries (key, channel, account, conversation, at, state, message) VALUES (?, ?, ?, ?, ?, 'waiting', ?)";
    for (const message of messages)
      this.#db.run(sql, message.key, message.to.channel, message.to.account, conversation, this.#now(), JSON.stringify(message));
  }
}

/** The id of the message that an item is. */
export const idOf = (item: InboundItem): string | undefined => ("id" in item ? item.id : undefined);

const itemOf = (row: Row): OpenItem => ({
  seq: Number(row.seq),
  channel: String(row.channel),
  account: String(row.account),
  event: String(row.event),
  conversation: String(row.conversation),
  at: Number(row.at),
  item: JSON.parse(String(row.body)) as InboundItem,
  run: row.run === null ? undefined : String(row.run),
  session: row.session === null ? undefined : String(row.session),
  tries: Number(row.tries),
});

const deliveryOf = (row: Row): Delivery => ({
  seq: Number(row.seq),
  key: String(row.key),
  channel: String(row.channel),
  account: String(row.account),
  conversation: String(row.conversation),
  tries: Number(row.tries),
  message: JSON.parse(String(row.message)) as OutboundMessage,
});
