import { randomUUID } from "node:crypto";
import { type Call, type Client, type Context, errorInfo, isProduct, PlinthError, type Provider, type SpendingState } from "@plinth/sdk";
import type { SqliteFile } from "@plinth/sdk/kits/sqlite";
import { openRecord } from "./database.ts";
import { dayOf } from "./day.ts";
import { Guard, type Settings } from "./guard.ts";
import { type Kept, Ledger, type Whose } from "./ledger.ts";
import { hasLimits, standing } from "./limits.ts";
import { totals, type Wanted } from "./totals.ts";

type Keeps = Provider<"plinth.usage">;
type Input<M extends keyof Client<"plinth.usage">> = Parameters<Client<"plinth.usage">[M]>[0];
type Caller = Pick<Call, "caller" | "work">;
interface Opened {
  readonly db: SqliteFile;
  readonly ledger: Ledger;
  readonly guard: Guard;
}

/** The record of model calls and the limits that hold against it. The file is opened when there is something to keep or to tell. */
export class UsageKeeper {
  readonly #ctx: Context;
  readonly #settings: Settings & Kept;
  #opened: Promise<Opened> | undefined;
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
      const { guard, ledger } = await this.#open();
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
    const opened = await this.#opened?.catch(() => undefined);
    await opened?.ledger.end(id, status, usage);
    return {};
  }

  async totals(wanted: Wanted, call: Caller): ReturnType<typeof totals> {
    assertOwner(call);
    return totals((await this.#open()).db, wanted);
  }

  async limits({ sessionKey: session, agent = "main" }: Input<"limits">, call: Caller): Promise<{ limits: SpendingState[] }> {
    assertOwner(call);
    const { limits = {} } = this.#settings;
    if (!hasLimits(limits)) return { limits: [] };
    const standings = standing((await this.#open()).ledger, limits, { run: undefined, session, agent }, dayOf(this.#ctx.clock.now()));
    return { limits: standings.map(({ state }) => state) };
  }

  async close(): Promise<void> {
    const opened = await this.#opened?.catch(() => undefined);
    opened?.db.close();
  }

  /** Once; what failed is tried again by whoever comes next. */
  #open(): Promise<Opened> {
    this.#opened ??= this.#made().catch((error: unknown) => {
      this.#opened = undefined;
      throw error;
    });
    return this.#opened;
  }

  async #made(): Promise<Opened> {
    const { dataDir, clock, log } = this.#ctx;
    const db = await openRecord(dataDir, (report) =>
      log.error(`The record of what models cost was damaged: ${report.words}.`, { aside: report.aside }),
    );
    const ledger = new Ledger(db, clock.now, this.#settings);
    return { db, ledger, guard: new Guard(this.#ctx, ledger, this.#settings) };
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
