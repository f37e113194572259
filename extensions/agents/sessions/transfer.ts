import { createHash } from "node:crypto";
import { setImmediate as breathe } from "node:timers/promises";
import type { MessageOrigin, Provider, SessionInfo, TranscriptEntry } from "@plinth/sdk";
import { bodyFor, entriesFor, parseBody, unreadable } from "./body.ts";
import type { Catalogue } from "./catalogue.ts";
import type { Claims } from "./claims.ts";
import type { EntryRow, SessionRow } from "./database.ts";
import { exists, ownersOnly, unknown, unknownEntry } from "./errors.ts";
import { type Facts, factsOf } from "./facts.ts";
import { entryOf, readHistory } from "./history.ts";
import type { Ledger, Writer } from "./ledger.ts";
import { isProduct } from "./origin.ts";
import { referringTo } from "./references.ts";

type Contract = Required<Provider<"plinth.session-store">>;
type Input<K extends "fork" | "export" | "import"> = Parameters<Contract[K]>[0];
type Exported = { type: "session"; session: SessionInfo } | { type: "entry"; entry: TranscriptEntry };

const PAGE = 200;

/** Conversations that go elsewhere: into a new session, into a file, and back. */
export class Transfer {
  readonly #ledger: Ledger;
  readonly #claims: Claims;
  readonly #catalogue: Catalogue;

  constructor(ledger: Ledger, claims: Claims, catalogue: Catalogue) {
    this.#ledger = ledger;
    this.#claims = claims;
    this.#catalogue = catalogue;
  }

  async fork({ key, to, at, title }: Input<"fork">, writer: Writer): Promise<{ session: SessionInfo }> {
    const { db } = this.#ledger;
    const source = db.session(key);
    if (source === undefined) throw unknown(key);
    this.#ledger.assertMine(source, writer.origin);
    if (at !== undefined && db.get("belongs", at, source.id) === undefined) throw unknownEntry(key, at);
    const entry = at ?? source.head;
    // A branch is called as what it comes from until somebody calls it otherwise.
    const { title: old, made } = factsOf(source);
    const named: Facts = { ...(old === undefined ? {} : { title: old }), ...(made === undefined ? {} : { made }) };
    const { entries } = entry === null ? { entries: [] } : await readHistory(db, entry, Number.MAX_SAFE_INTEGER, () => {});
    const row = await this.#ledger.write(() => {
      if (db.session(to) !== undefined) throw exists(to);
      const row = this.#ledger.row(to);
      // Each keeps its own origin: who said it does not change because it stands in two places.
      const ids = new Map<string, string>();
      for (const { id, body, origin } of isProduct(writer.caller) ? entries : entriesFor(entries, writer.caller)) {
        const own = referringTo(body, (other) => ids.get(other));
        ids.set(id, this.#ledger.insert(row, null, [own], { ...writer, origin: origin ?? writer.origin }) as string);
      }
      const facts: Facts = title === undefined ? named : { title };
      db.run("describe", JSON.stringify({ ...facts, forkOf: { key, entry } }), null, row.id);
      return db.get("shown", to) as unknown as SessionRow;
    });
    return { session: this.#catalogue.info(row) };
  }

  async *export({ key }: Input<"export">): AsyncGenerator<Exported> {
    const { db } = this.#ledger;
    const row = db.get("shown", key) as SessionRow | undefined;
    if (row === undefined) throw unknown(key);
    yield { type: "session", session: this.#catalogue.info(row) };
    let after = 0;
    for (;;) {
      const rows = db.all("written", row.id, after, PAGE) as unknown as EntryRow[];
      for (const one of rows) yield { type: "entry", entry: entryOf(one, bodyFor(parseBody(one.body) ?? unreadable, undefined)) };
      if (rows.length < PAGE) return;
      after = rows.at(-1)!.seq;
      await breathe();
    }
  }

  /**
   * An entry's new id is made of its old one and the session's key: what is imported twice is there once, and a page's parents
   * are found whichever page they came in.
   */
  async import({ key, entries, head, ...facts }: Input<"import">, writer: Writer): Promise<{ added: number; head: string | null }> {
    if (writer.origin.by === "guest") throw ownersOnly("Importing a conversation");
    const origin = fromOutside(writer.origin);
    const { db } = this.#ledger;
    return this.#ledger.write(() => {
      const fresh = db.session(key) === undefined;
      const row = this.#ledger.row(key);
      this.#claims.free(row, origin);
      const before = row.head;
      let added = 0;
      for (const { id, parent, at, body } of entries) {
        const own = importedId(key, id);
        if (db.get("belongs", own, row.id) !== undefined) continue;
        const below = parent === null ? null : importedId(key, parent);
        if (below !== null && db.get("belongs", below, row.id) === undefined) throw unknownEntry(key, parent as string);
        row.head = below;
        // What it refers to is in the file, and never what was said here before. A file can claim that any provider made what is opaque in it.
        this.#ledger.insert(row, null, [referringTo(bodyFor(body, undefined), (other) => importedId(key, other))], { ...writer, origin }, undefined, {
          id: own,
          at,
        });
        added++;
      }
      const wanted = head === undefined ? (added > 0 ? row.head : before) : importedId(key, head);
      if (wanted !== null && db.get("belongs", wanted, row.id) === undefined) throw unknownEntry(key, head as string);
      this.#catalogue.move(row, wanted);
      if (fresh) db.run("describe", JSON.stringify(facts), null, row.id);
      return { added, head: wanted };
    });
  }
}

const importedId = (key: string, id: string): string =>
  BigInt(`0x${createHash("sha256").update(`${key}\0${id}`).digest("hex").slice(0, 32)}`).toString(36);

/** Whatever a file says about who spoke: a model that is shown it reads what came from outside. */
function fromOutside(origin: MessageOrigin): MessageOrigin {
  return { ...origin, influences: [...(origin.influences ?? []), { party: "outside", how: "came in an imported conversation" }] };
}
