import { type Call, type Context, errorInfo, type InteractionAnswer, type InteractionRequest, type InteractionStep, PlinthError } from "@plinth/sdk";
import { assertAsker, assertOwner } from "./callers.ts";
import { type Entry, History, type Kept, unknown } from "./history.ts";
import { type Asked, requestOf } from "./request.ts";
import { type Bounds, Restraint } from "./restraint.ts";
import { type Change, Watchers } from "./watchers.ts";
import { outcome } from "./words.ts";

export interface Limits extends Bounds, Kept {
  expiryMs: number;
}

interface Pending {
  readonly request: InteractionRequest;
  /** Set by the first who answers, before it is on record. */
  answer: InteractionAnswer | undefined;
  readonly settled: Promise<InteractionAnswer>;
  resolve(answer: InteractionAnswer): void;
}

type Asking = Pick<Call, "caller" | "work" | "signal">;

/** Asks, waits, answers, remembers. Each question stands alone; the first answer holds; whatever goes wrong is no. */
export class Interactions {
  readonly #ctx: Pick<Context, "clock" | "log">;
  readonly #limits: Limits;
  readonly #history: History;
  readonly #restraint: Restraint;
  readonly #watchers: Watchers;
  readonly #pending = new Map<string, Pending>();
  #recovering: Promise<void> | undefined;

  constructor(ctx: Pick<Context, "clock" | "log" | "store">, limits: Limits) {
    this.#ctx = ctx;
    this.#limits = limits;
    this.#history = new History(ctx.store, limits, () => ctx.clock.now());
    this.#restraint = new Restraint(limits);
    this.#watchers = new Watchers((sessionKey) => this.#waiting(sessionKey));
  }

  async *ask(asked: Asked, call: Asking): AsyncGenerator<InteractionStep, void> {
    assertAsker(call);
    call.signal.throwIfAborted();
    const request = requestOf(asked, call.caller, this.#ctx.clock.now(), this.#limits.expiryMs);
    const why = this.#restraint.refusal(request, this.#waiting(undefined), request.askedAt);
    if (why !== undefined) {
      const step = { state: "answered" as const, request, answer: this.#no("declined", "not-asked", why) };
      this.#watchers.tell(step);
      return yield step;
    }
    this.#restraint.asked(request, request.askedAt);
    const { promise: settled, resolve } = Promise.withResolvers<InteractionAnswer>();
    const pending: Pending = { request, answer: undefined, settled, resolve };
    this.#pending.set(request.id, pending);
    const expiry = setTimeout(
      () => void this.#settle(pending, this.#no("expired", "expiry", "Nobody answered in time.")),
      request.expiresAt - request.askedAt,
    );
    const onAbort = (): void => void this.#settle(pending, this.#no("cancelled", "withdrawn", "The turn ended before anybody answered."));
    call.signal.addEventListener("abort", onAbort, { once: true });
    try {
      await this.#history.opened(request);
      if (pending.answer === undefined) {
        this.#watchers.tell({ state: "asked", request });
        yield { state: "asked", request };
      }
      yield { state: "answered", request, answer: await settled };
    } finally {
      clearTimeout(expiry);
      call.signal.removeEventListener("abort", onAbort);
      await this.#settle(pending, this.#no("cancelled", "withdrawn", "Whoever asked does not wait any more."));
    }
  }

  pending({ sessionKey }: { sessionKey?: string }, call: Pick<Call, "caller" | "work">): { requests: InteractionRequest[] } {
    assertOwner(call);
    return { requests: this.#waiting(sessionKey) };
  }

  async answer(
    { id, option, digest }: { id: string; option: string; digest: string },
    call: Pick<Call, "caller" | "work">,
  ): Promise<{ request: InteractionRequest; answer: InteractionAnswer }> {
    assertOwner(call);
    const pending = this.#pending.get(id);
    if (pending === undefined || pending.answer !== undefined) throw await this.#late(id, pending?.answer);
    const { request } = pending;
    if (digest !== request.digest) throw changed(id);
    if (!request.options.some((one) => one.id === option)) throw notOffered(request, option);
    const { via = "", name } = call.work?.principal ?? {};
    const answer: InteractionAnswer = {
      answer: option === "deny" ? "declined" : "chosen",
      option,
      by: { role: "owner", via, ...(name === undefined ? {} : { name }) },
      at: this.#ctx.clock.now(),
    };
    if (!(await this.#settle(pending, answer))) throw await this.#late(id, pending.answer);
    return { request, answer };
  }

  async withdraw({ id, why }: { id: string; why: string }, call: Pick<Call, "caller" | "work">): Promise<{ answer: InteractionAnswer }> {
    assertAsker(call);
    const pending = this.#pending.get(id);
    if (pending !== undefined && (await this.#settle(pending, this.#no("declined", call.caller, why)))) return { answer: await pending.settled };
    const answer = pending?.answer ?? (await this.#history.find(id))?.answer;
    if (answer === undefined) throw unknown(id);
    return { answer };
  }

  async history(input: { limit?: number; before?: number }, call: Pick<Call, "caller" | "work">): Promise<{ entries: Entry[] }> {
    assertOwner(call);
    await this.#recovered();
    return { entries: await this.#history.list(input) };
  }

  changes({ sessionKey }: { sessionKey?: string }, call: Asking): AsyncGenerator<Change, void> {
    assertOwner(call);
    return this.#watchers.watch(sessionKey, call.signal);
  }

  /** One that waits, or what became of it. */
  async find(id: string): Promise<{ request: InteractionRequest; answer?: InteractionAnswer }> {
    const pending = this.#pending.get(id);
    if (pending !== undefined) return { request: pending.request };
    await this.#recovered();
    const entry = await this.#history.find(id);
    if (entry === undefined) throw unknown(id);
    return entry;
  }

  /** What still waits is denied, and on record when this resolves. */
  async close(): Promise<void> {
    const ended = this.#no("cancelled", "host-ended", "The host ended before anybody answered.");
    await Promise.all([...this.#pending.values()].map((pending) => this.#settle(pending, ended)));
  }

  /** False when another answer was first. Resolves when it is on record; only then whoever asked goes on. */
  async #settle(pending: Pending, answer: InteractionAnswer): Promise<boolean> {
    if (pending.answer !== undefined) return false;
    pending.answer = answer;
    const { request } = pending;
    let failure: unknown;
    try {
      await this.#history.closed(request, answer);
    } catch (error) {
      failure = error;
      this.#ctx.log.error("An answer could not be put on record.", { id: request.id, ...errorInfo(error) });
    }
    // A yes that cannot be put on record is none; a no holds all the same.
    const isLost = failure !== undefined && answer.answer === "chosen";
    const held = isLost ? this.#no("declined", "not-recorded", "The answer could not be put on record.") : answer;
    pending.answer = held;
    this.#pending.delete(request.id);
    if (held.answer === "expired" || held.answer === "declined") this.#restraint.denied(request);
    this.#watchers.tell({ state: "answered", request, answer: held });
    pending.resolve(held);
    if (isLost) throw failure;
    return true;
  }

  /** Oldest first; what somebody answers at this moment waits no more. */
  #waiting(sessionKey: string | undefined): InteractionRequest[] {
    const open = [...this.#pending.values()].filter(({ answer }) => answer === undefined).map(({ request }) => request);
    return sessionKey === undefined ? open : open.filter((request) => request.sessionKey === sessionKey);
  }

  #no(answer: "declined" | "cancelled" | "expired", via: string, why: string): InteractionAnswer {
    return { answer, by: { role: "system", via }, at: this.#ctx.clock.now(), why };
  }

  async #late(id: string, answer: InteractionAnswer | undefined): Promise<PlinthError> {
    await this.#recovered();
    const known = answer ?? (await this.#history.find(id))?.answer;
    return known === undefined ? unknown(id) : answered(id, known);
  }

  async #recovered(): Promise<void> {
    this.#recovering ??= this.#history.recover((id) => this.#pending.has(id));
    await this.#recovering.finally(() => {
      this.#recovering = undefined;
    });
  }
}

function answered(id: string, answer: InteractionAnswer): PlinthError {
  return new PlinthError("PLINTH_INTERACTION_ANSWERED", `${id} is over: ${outcome(answer)}.`, {
    next: "Nothing was changed. `plinth approvals history` shows what was answered.",
    details: { answer },
  });
}

function changed(id: string): PlinthError {
  return new PlinthError("PLINTH_INTERACTION_CHANGED", `What was shown to you under ${id} is not what is asked.`, {
    next: "Look at it again before you answer: plinth approvals show ID",
  });
}

function notOffered({ id, options }: InteractionRequest, option: string): PlinthError {
  return new PlinthError("PLINTH_INTERACTION_OPTION", `${id} cannot be answered with ${JSON.stringify(option.slice(0, 20))}.`, {
    next: `It offers: ${options.map((one) => one.id).join(", ")}.`,
  });
}
