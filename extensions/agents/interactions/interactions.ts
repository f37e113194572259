import {
  type Call,
  type Client,
  type Context,
  errorInfo,
  type InteractionAnswer,
  type InteractionRequest,
  type InteractionStep,
  PlinthError,
} from "@plinth/sdk";
import { asQuestion, assertAsker, assertOwner } from "./callers.ts";
import { type Answered, type Given, given, misfit } from "./given.ts";
import { type Entry, History, type Kept, unknown } from "./history.ts";
import { posed } from "./question.ts";
import { requestOf } from "./request.ts";
import { type Bounds, Restraint } from "./restraint.ts";
import { isOf, type Sort } from "./sort.ts";
import { type Change, Watchers } from "./watchers.ts";
import { outcome } from "./words.ts";

export interface Limits extends Bounds, Kept {
  expiryMs: number;
}

interface Pending {
  readonly request: InteractionRequest;
  /** What was filled in has to fit it. */
  readonly schema: unknown;
  /** A secret's values, for whoever asked alone. */
  values?: Record<string, unknown>;
  /** Set by the first who answers, before it is on record. */
  answer: InteractionAnswer | undefined;
  readonly settled: Promise<InteractionAnswer>;
  resolve(answer: InteractionAnswer): void;
}

type Asking = Pick<Call, "caller" | "work" | "signal">;
type Asked = Parameters<Client<"plinth.interaction">["ask"]>[0];
type Parts = Pick<Context, "clock" | "log" | "validate">;

/** Asks, waits, answers, remembers. Each question stands alone; the first answer holds; whatever goes wrong is no. */
export class Interactions {
  readonly #ctx: Parts;
  readonly #limits: Limits;
  readonly #history: History;
  readonly #restraint: Restraint;
  readonly #watchers: Watchers;
  readonly #pending = new Map<string, Pending>();
  #recovering: Promise<void> | undefined;

  constructor(ctx: Parts & Pick<Context, "store">, limits: Limits) {
    this.#ctx = ctx;
    this.#limits = limits;
    this.#history = new History(ctx.store, limits, () => ctx.clock.now());
    this.#restraint = new Restraint(limits);
    this.#watchers = new Watchers((sessionKey) => this.#waiting(sessionKey));
  }

  async *ask(asked: Asked, call: Asking): AsyncGenerator<InteractionStep, void> {
    const { request, schema } = this.#posed(asked, call);
    call.signal.throwIfAborted();
    const why = this.#restraint.refusal(request, this.#waiting(undefined), request.askedAt);
    if (why !== undefined) {
      const step = { state: "answered" as const, request, answer: this.#no("declined", "not-asked", why) };
      this.#watchers.tell(step);
      return yield step;
    }
    this.#restraint.asked(request, request.askedAt);
    const { promise: settled, resolve } = Promise.withResolvers<InteractionAnswer>();
    const pending: Pending = { request, schema, answer: undefined, settled, resolve };
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
      const answer = await settled;
      yield { state: "answered", request, answer: pending.values === undefined ? answer : { ...answer, values: pending.values } };
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

  async answer(said: Given, call: Pick<Call, "caller" | "work">): Promise<{ request: InteractionRequest; answer: InteractionAnswer }> {
    assertOwner(call);
    const { id } = said;
    const pending = this.#pending.get(id);
    if (pending === undefined || pending.answer !== undefined) throw await this.#late(id, pending);
    const { request, schema } = pending;
    const what = given(request, said);
    await this.#fit(request, schema, what);
    const { values, ...told } = what;
    const { via = "", name } = call.work?.principal ?? {};
    const isSecret = request.kind === "secret" && values !== undefined;
    const answer: InteractionAnswer = {
      ...told,
      ...(values === undefined || isSecret ? {} : { values }),
      by: { role: "owner", via, ...(name === undefined ? {} : { name }) },
      at: this.#ctx.clock.now(),
    };
    if (!(await this.#settle(pending, answer, isSecret ? values : undefined))) throw await this.#late(id, pending);
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

  /** @param sort of one sort alone. */
  async history(
    { sort, ...input }: { limit?: number; before?: number; sort?: Sort },
    call: Pick<Call, "caller" | "work">,
  ): Promise<{ entries: Entry[] }> {
    assertOwner(call);
    await this.#recovered();
    return { entries: await this.#history.list(input, ({ request }) => sort === undefined || isOf(sort, request)) };
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
  async #settle(pending: Pending, answer: InteractionAnswer, secret?: Record<string, unknown>): Promise<boolean> {
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
    if (secret !== undefined && !isLost) pending.values = secret;
    this.#pending.delete(request.id);
    if (held.answer === "expired" || held.answer === "declined") this.#restraint.denied(request, held);
    this.#watchers.tell({ state: "answered", request, answer: held });
    pending.resolve(held);
    if (isLost) throw failure;
    return true;
  }

  #posed(asked: Asked, call: Asking): { request: InteractionRequest; schema?: unknown } {
    const now = this.#ctx.clock.now();
    if (asked.kind === "approval") {
      assertAsker(call);
      return { request: requestOf(asked, call.caller, now, this.#limits.expiryMs) };
    }
    const { asked: question, from } = asQuestion(asked, call);
    return posed(question, from, call.caller, now, this.#limits.expiryMs);
  }

  /** The schema is somebody else's: it is looked at away from this thread. */
  async #fit(request: InteractionRequest, schema: unknown, { values }: Answered): Promise<void> {
    if (values === undefined) return;
    const problems = await this.#ctx.validate(schema, values);
    if (problems.length > 0) throw misfit(request, problems);
  }

  /** Oldest first; what somebody answers at this moment waits no more. */
  #waiting(sessionKey: string | undefined): InteractionRequest[] {
    const open = [...this.#pending.values()].filter(({ answer }) => answer === undefined).map(({ request }) => request);
    return sessionKey === undefined ? open : open.filter((request) => request.sessionKey === sessionKey);
  }

  #no(answer: "declined" | "cancelled" | "expired", via: string, why: string): InteractionAnswer {
    return { answer, by: { role: "system", via }, at: this.#ctx.clock.now(), why };
  }

  async #late(id: string, pending: Pending | undefined): Promise<PlinthError> {
    await this.#recovered();
    const { request, answer } = pending ?? (await this.#history.find(id)) ?? {};
    return request === undefined || answer === undefined ? unknown(id) : answered(request, answer);
  }

  async #recovered(): Promise<void> {
    this.#recovering ??= this.#history.recover((id) => this.#pending.has(id));
    await this.#recovering.finally(() => {
      this.#recovering = undefined;
    });
  }
}

function answered(request: InteractionRequest, answer: InteractionAnswer): PlinthError {
  const history = `plinth ${request.kind === "approval" ? "approvals" : "questions"} history`;
  return new PlinthError("PLINTH_INTERACTION_ANSWERED", `${request.id} is over: ${outcome(request, answer)}.`, {
    next: `Nothing was changed. \`${history}\` shows what was answered.`,
    details: { answer },
  });
}
