import type { Provider } from "@plinth/sdk";
import { checkKey, ownersOnly, taken } from "./errors.ts";
import type { Ledger, Writer } from "./ledger.ts";
import { isProduct, parseOrigin } from "./origin.ts";

type Contract = Required<Provider<"plinth.session-store">>;
type Name = "enqueue" | "hold" | "take" | "withdraw";
type Input<K extends Name> = Parameters<Contract[K]>[0];
type Output<K extends Name> = Promise<Awaited<ReturnType<Contract[K]>>>;

/**
 * Messages that were taken in and wait for their turn. Each is held by whoever queued it, for a while; what nobody holds any
 * more is taken by somebody else. It goes with the claim of the run that answers it, in one transaction: never twice.
 */
export class Inputs {
  readonly #ledger: Ledger;

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
  }

  async enqueue({ key, id, input, ttlMs }: Input<"enqueue">, { origin, caller }: Writer): Output<"enqueue"> {
    assertProduct(caller);
    checkKey(key);
    const { db, now } = this.#ledger;
    const fresh = await this.#ledger.write(() => {
      const row = this.#ledger.row(key);
      if (row.running === id || db.get("ended", row.id, id) !== undefined) return false;
      return db.run("enqueue", id, row.id, now(), now() + ttlMs, JSON.stringify(input), JSON.stringify(origin)).changes > 0;
    });
    return { fresh };
  }

  async hold({ ids, ttlMs }: Input<"hold">, { caller }: Writer): Output<"hold"> {
    assertProduct(caller);
    const { db, now } = this.#ledger;
    return { held: await this.#ledger.write(() => ids.filter((id) => db.get("hold", now() + ttlMs, id) !== undefined)) };
  }

  async take({ limit = 100, ttlMs }: Input<"take">, { caller }: Writer): Output<"take"> {
    assertProduct(caller);
    const { db, now } = this.#ledger;
    const read = () => db.all("abandoned", now(), limit) as unknown as Row[];
    // Asked every few seconds, and hardly ever is there anything: then nothing is written.
    if (read().length === 0) return { inputs: [] };
    const rows = await this.#ledger.write(() => {
      const found = read();
      for (const { id } of found) db.get("hold", now() + ttlMs, id);
      return found;
    });
    return {
      inputs: rows.map(({ input, origin: noted, ...row }) => {
        const origin = parseOrigin(noted);
        return { ...row, input: JSON.parse(input) as Record<string, unknown>, ...(origin === undefined ? {} : { origin }) };
      }),
    };
  }

  async withdraw({ id }: Input<"withdraw">, { origin, caller }: Writer): Output<"withdraw"> {
    assertProduct(caller);
    const withdrawn = await this.#ledger.write(() => {
      const noted = parseOrigin((this.#ledger.db.get("inputOrigin", id)?.origin as string | null) ?? null);
      if (origin.by === "guest" && noted !== undefined && (noted.by !== "guest" || noted.via !== origin.via)) throw taken(id);
      return this.#ledger.db.run("withdraw", id).changes > 0;
    });
    return { withdrawn };
  }
}

interface Row {
  seq: number;
  id: string;
  key: string;
  at: number;
  input: string;
  origin: string | null;
}

/** Whoever queues a message says on whose behalf it will run: that is the product's to say. */
function assertProduct(caller: string | undefined): void {
  if (!isProduct(caller)) throw ownersOnly("The queue of waiting messages");
}
