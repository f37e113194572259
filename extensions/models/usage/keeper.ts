import { randomUUID } from "node:crypto";
import { type Call, type Client, type Context, errorInfo, isProduct, PlinthError, type Provider, type SpendingState } from "@plinth/sdk";
import { Database } from "./database.ts";
import { dayOf } from "./day.ts";
import { Guard, type Settings } from "./guard.ts";
import { type Kept, Ledger, type Whose } from "./ledger.ts";
import { hasLimits, standing } from "./limits.ts";
import { totals, type Wanted } from "./totals.ts";

type Keeps = Provider<"plinth.usage">;
type Input<M extends keyof Client<"plinth.usage">> = Parameters<Client<"plinth.usage">[M]>[0];
type Caller = Pick<Call, "caller" | "work">;

/** The record of model calls and the limits that hold against it. The file is opened when there is something to keep or to tell. */
export class UsageKeeper {
  readonly #ctx: Context;
  readonly #settings: Settings & Kept;
  #opened: { db: Database; ledger: Ledger; guard: Guard } | undefined;
  #complained = false;

  constructor(ctx: Context) {
    this.#ctx = ctx;
    this.#settings = ctx.config as Settings & Kept;
  }

  async *admit(
    { by, ...asked }: Input<"admit">,
    call: Call,
  ): ReturnType<Keeps["admit"]> extends AsyncIterable<infer Item> ? AsyncGenerator<Item> : never {
    assertProduct(call);
    const whose = whoseOf(call, by);
    const id = randomUUID();
    try {
      const { guard, ledger } = this.#open();
      for await (const message of guard.check(asked, whose, call)) yield { type: "asking", message };
      await ledger.begin(id, whose, asked);
    } catch (error) {
      // Without limits a record that cannot be kept is no reason not to answer.
      if (errorInfo(error).code !== "PLINTH_USAGE_STORE" || hasLimits(this.#settings.limits ?? {})) throw error;
      if (!this.#complained) this.#ctx.log.error("What models cost is not put on record.", { ...errorInfo(error) });
      this.#complained = true;
    }
    yield { type: "admitted", call: id };
  }

  async settle({ call: id, status, usage }: Input<"settle">, call: Caller): Promise<Record<string, never>> {
    assertProduct(call);
    await this.#opened?.ledger.end(id, status, usage);
    return {};
  }

  totals(wanted: Wanted, call: Caller): ReturnType<typeof totals> {
    assertOwner(call);
    return totals(this.#open().db, wanted);
  }

  limits({ sessionKey: session, agent = "main" }: Input<"limits">, call: Caller): { limits: SpendingState[] } {
    assertOwner(call);
    const { limits = {} } = this.#settings;
    if (!hasLimits(limits)) return { limits: [] };
    const standings = standing(this.#open().ledger, limits, { run: undefined, session, agent }, dayOf(this.#ctx.clock.now()));
    return { limits: standings.map(({ state }) => state) };
  }

  close(): void {
    this.#opened?.db.close();
  }

  #open(): { db: Database; ledger: Ledger; guard: Guard } {
    if (this.#opened === undefined) {
      const db = new Database(this.#ctx.dataDir);
      const ledger = new Ledger(db, this.#ctx.clock.now, this.#settings);
      this.#opened = { db, ledger, guard: new Guard(this.#ctx, ledger, this.#settings) };
    }
    return this.#opened;
  }
}

/** By the work that the host stamps calls with: nobody can say that a call is another's. */
function whoseOf({ work }: Pick<Call, "work">, extension: string): Whose {
  const { session, agent, run = work?.id ?? "" } = work?.principal.scope ?? {};
  return { run, session, agent, extension };
}

function assertProduct({ caller }: Pick<Call, "caller">): void {
  if (isProduct(caller)) return;
  throw new PlinthError("PLINTH_PERMISSION", `${caller} may not write what models took.`, {
    extension: caller,
    next: "Ask a model with plinth.models: the record is kept there.",
  });
}

/** Also where an extension calls it in an owner's work: what is spent is its owner's to know. */
function assertOwner({ caller, work }: Caller): void {
  if (isProduct(caller) && work?.principal.role === "owner") return;
  throw new PlinthError("PLINTH_PERMISSION", "What models cost is for the owner of this host to see.", {
    extension: "plinth.usage",
    next: "The owner sees it with /usage, or in a shell: plinth usage",
  });
}
