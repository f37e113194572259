import { randomBytes } from "node:crypto";
import { LENT } from "@plinth/sdk/wire";

/** As many are kept; who was not lent anything for longest loses it first, and is lent it anew when it is next needed. */
const MOST = 2_048;

interface Loan {
  readonly name: string;
  readonly to: string;
  readonly origin: string;
}

/** What may be sent by whom for somebody else, and where. In memory alone: nothing that was lent outlives the host. */
export class Loans {
  readonly #byName = new Map<string, Loan>();
  readonly #names = new Map<string, string>();

  /** @param loan.origin as `URL.origin` has it */
  lend(loan: Loan): string {
    const key = JSON.stringify([loan.name, loan.to, loan.origin]);
    const known = this.#names.get(key);
    const name = known ?? `${LENT}${randomBytes(20).toString("hex").toUpperCase()}`;
    // Used last stands last.
    this.#names.delete(key);
    this.#names.set(key, name);
    this.#byName.set(name, loan);
    if (this.#names.size > MOST) {
      const [oldest, itsName] = this.#names.entries().next().value as [string, string];
      this.#names.delete(oldest);
      this.#byName.delete(itsName);
    }
    return name;
  }

  /** The secret's name, for its borrower on its way; undefined for everybody else. */
  secretOf(name: string, use: { extension: string; origin: string } | undefined): string | undefined {
    const loan = this.#byName.get(name);
    if (loan === undefined || use === undefined || use.extension !== loan.to || asHttp(use.origin) !== asHttp(loan.origin)) return undefined;
    return loan.name;
  }
}

/** A WebSocket goes to the same server. */
const asHttp = (origin: string): string => origin.replace(/^ws/, "http");
