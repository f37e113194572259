import { type Call, type Context, type InteractionAction, visible } from "@plinth/sdk";
import { ask, type Question } from "./asking.ts";
import { isFree, readingCost } from "./cost.ts";
import { dayOf } from "./day.ts";
import type { Asked, Ledger, Whose } from "./ledger.ts";
import { hasLimits, type Limits, passes, type Standing, standing } from "./limits.ts";
import { dollars, limitWords, scopeWords, short } from "./words.ts";

export interface Settings {
  readonly limits?: Limits;
  readonly unpriced?: "ask" | "allow";
}

export interface Admission extends Asked {
  readonly contextTokens?: number;
  readonly local?: boolean;
  readonly purpose?: string;
}

const SESSION_LASTS = "Go on in this conversation";
const MOST_TURNS = 1_000;

/** Holds the owner's limits: before a model is asked, by what it costs and what it will read. */
export class Guard {
  readonly #ctx: Pick<Context, "use" | "clock" | "log">;
  readonly #ledger: Ledger;
  readonly #settings: Settings;
  /** What the owner let go on, by turn. */
  readonly #once = new Set<string>();

  /** @param settings read at each call: they can change. */
  constructor(ctx: Pick<Context, "use" | "clock" | "log">, ledger: Ledger, settings: Settings) {
    this.#ctx = ctx;
    this.#ledger = ledger;
    this.#settings = settings;
  }

  /**
   * Returns when the call may be made; yields what is waited for.
   *
   * @throws PLINTH_SPENDING_LIMIT
   */
  async *check(admission: Admission, whose: Whose, call: Pick<Call, "work" | "signal">): AsyncGenerator<string, void> {
    const { limits = {} } = this.#settings;
    if (!hasLimits(limits)) return;
    const day = dayOf(this.#ctx.clock.now());
    const standings = () => standing(this.#ledger, limits, whose, day);
    yield* this.#unpriced(admission, standings(), whose, call);
    const { price, inputTokens } = admission;
    // What costs nothing passes no limit in money, also not one that is reached.
    const least = { usd: isFree(price) ? null : (readingCost(inputTokens, price) ?? 0), tokens: inputTokens };
    const asked = new Set<string>();
    for (;;) {
      // Looked at anew after each answer: others spent meanwhile, and were asked as well.
      const reached = standings().find((one) => passes(one, least) && !asked.has(one.key) && !this.#once.has(onceKey(whose, one.scope)));
      if (reached === undefined) return;
      asked.add(reached.key);
      const yes = yield* ask(this.#ctx, questionOn(reached, admission), whose, call);
      if (yes === "session") await this.#ledger.again(reached.scope, reached.key);
      else this.#goOn(onceKey(whose, reached.scope));
    }
  }

  /** A limit in money says nothing about a model whose price is not known. */
  async *#unpriced(
    admission: Admission,
    standings: readonly Standing[],
    whose: Whose,
    call: Pick<Call, "work" | "signal">,
  ): AsyncGenerator<string, void> {
    const { provider, model, price, local, purpose } = admission;
    const inMoney = standings.find(({ limit }) => limit.usd !== undefined);
    const priced = price?.input !== undefined && price.output !== undefined;
    if (inMoney === undefined || priced || local === true || purpose !== undefined || this.#settings.unpriced === "allow") return;
    const name = `${provider}/${model}`;
    const key = `${whose.session ?? ""} ${name}`;
    if (this.#once.has(onceKey(whose, name)) || this.#ledger.spent("unpriced", key) !== undefined) return;
    const what = `The price of ${visible(name, { max: 200 })} is not known, so a limit of ${dollars(inMoney.limit.usd ?? 0)} for ${scopeWords(inMoney)} does not count it.`;
    const action = actionOf(`Ask ${visible(name, { max: 200 })}, whose price is not known`, admission, {});
    const yes = yield* ask(this.#ctx, { what, action, lasting: SESSION_LASTS }, whose, call);
    if (yes === "session") await this.#ledger.again("unpriced", key);
    else this.#goOn(onceKey(whose, name));
  }

  #goOn(key: string): void {
    this.#once.add(key);
    for (const oldest of this.#once) if (this.#once.size > MOST_TURNS) this.#once.delete(oldest);
  }
}

const onceKey = ({ run }: Whose, what: string): string => `${run} ${what}`;

function questionOn({ state, limit }: Standing, admission: Admission): Question {
  const { usd, tokens } = state;
  const gone = (held: { limit: number; spent: number } | undefined) => held !== undefined && held.spent >= held.limit;
  const verb = gone(usd) || gone(tokens) ? "is reached" : "would be passed";
  const what = `The limit for ${scopeWords(state)} ${verb}: ${limitWords(state)}.`;
  const more = [...(limit.usd === undefined ? [] : [dollars(limit.usd)]), ...(limit.tokens === undefined ? [] : [`${short(limit.tokens)} tokens`])];
  return {
    what,
    action: actionOf(`Ask a model although ${what.charAt(0).toLowerCase()}${what.slice(1)}`, admission, state),
    lasting: `${more.join(" and ")} more for ${scopeWords(state)}`,
  };
}

/** What is known before the call: who is asked, how much it will read of how much it can, and at which prices. */
function actionOf(summary: string, { provider, model, inputTokens, contextTokens, price }: Admission, state: object): InteractionAction {
  const cost = readingCost(inputTokens, price);
  return {
    effect: "spend",
    tool: "model",
    summary,
    args: {
      model: `${provider}/${model}`,
      reads: `about ${short(inputTokens)} tokens${contextTokens === undefined ? "" : ` of ${short(contextTokens)}`}`,
      ...(cost === undefined ? {} : { readingCosts: `about ${dollars(cost)}` }),
      pricePerMillion: price?.input === undefined && price?.output === undefined ? "not known" : { ...price },
      ...("scope" in state ? { limit: state } : {}),
    },
  };
}
