import { type Client, type Context, PlinthError } from "@plinth/sdk";
import { parseQueue } from "./queue-settings.ts";
import type { Route } from "./route.ts";
import type { Run } from "./run.ts";
import type { SessionChoices } from "./session-choices.ts";
import type { Submission } from "./submission.ts";
import { asRequest } from "./think-levels.ts";

export interface Taken<D> {
  route: Route;
  text: string;
  /** A reason: the message is not answered. */
  drop: string | undefined;
  decision: D | undefined;
}

/** How many messages beyond a full queue are still looked at, so that a `/stop` gets through. */
const LEEWAY = 16;

/** Routes messages and shows them to `message.received`; those of one session one after the other, in their order. */
export class Intake {
  readonly #ctx: Context;
  readonly #router: Client<"plinth.router">;
  readonly #limit: number;
  readonly #choices: SessionChoices;
  readonly #tails = new Map<string, { last: Promise<void>; count: number }>();

  constructor(ctx: Context, maxQueued: number, choices: SessionChoices) {
    this.#ctx = ctx;
    this.#choices = choices;
    this.#router = ctx.use("plinth.router").one();
    this.#limit = maxQueued + LEEWAY;
  }

  /** @param decide runs as work of its sender, before the next message of the session is looked at; not for a dropped one. */
  async take<D>(run: Run, input: Submission, decide: (route: Route) => Promise<D | undefined>): Promise<Taken<D>> {
    const next = this.#enter(input.sessionKey ?? "");
    try {
      await next.before;
      const route = await this.#route(run, input);
      const unanswered = unansweredBy(route);
      if (unanswered !== undefined) return { route, text: input.text, drop: unanswered, decision: undefined };
      return await run.within(this.#ctx, async () => {
        const { text, drop } = await this.#received(run, input);
        return { route, text, drop, decision: drop === undefined ? await decide(route) : undefined };
      });
    } finally {
      next.leave();
    }
  }

  /** What was taken in before, by a host that died: only where it goes is decided anew. */
  async again<D>(run: Run, input: Submission, decide: (route: Route) => Promise<D | undefined>): Promise<Taken<D>> {
    const route = await this.#route(run, input);
    return { route, text: input.text, drop: undefined, decision: await run.within(this.#ctx, () => decide(route)) };
  }

  async #route(run: Run, { surface, sender, kind, sessionKey, model, history, content = [] }: Submission): Promise<Route> {
    const parts = [...new Set(content.map(({ type }) => type))];
    const asked = {
      surface,
      ...(parts.length > 0 ? { parts } : {}),
      ...(sender ? { sender } : {}),
      ...(kind ? { kind } : {}),
      ...(sessionKey ? { sessionKey } : {}),
      ...(model ? { model } : {}),
    };
    const { thinking, fallbacks, ...route } = await this.#router.route(asked, { signal: run.signal });
    run.sessionKey = route.sessionKey;
    run.agent = route.agent;
    if (route.role === "guest") run.lower();
    if (route.tools !== undefined) run.toolRules = [{ level: "route", ...route.tools }];
    // A message that brings its own conversation goes on with none of ours.
    const chosen = history === undefined ? await this.#choices.of(route.sessionKey) : {};
    const level = chosen.thinking ?? thinking;
    return {
      ...route,
      // Whoever chose a model did not choose those that the agent falls back to.
      ...(model === undefined && chosen.model !== undefined ? { model: chosen.model } : fallbacks === undefined ? {} : { fallbacks }),
      ...(level === undefined ? {} : { thinking: asRequest(level) }),
      ...(chosen.queue === undefined ? {} : { queue: parseQueue(chosen.queue) }),
    };
  }

  async #received(run: Run, { text, content = [], surface, sender }: Submission): Promise<{ text: string; drop: string | undefined }> {
    const message = { text, sessionKey: run.sessionKey, surface, ...(sender ? { sender } : {}) };
    const received = await this.#ctx.hooks.fire("message.received", message, { signal: run.signal });
    const rewritten = typeof received.text === "string" ? received.text : text;
    if (typeof received.drop === "string") return { text: rewritten, drop: received.drop || "The message was dropped." };
    return {
      text: rewritten,
      drop: rewritten.trim() === "" && content.every(({ type }) => type === "text") ? "There is nothing to answer in the message." : undefined,
    };
  }

  #enter(key: string): { before: Promise<void> | undefined; leave(): void } {
    const tail = this.#tails.get(key);
    if (tail !== undefined && tail.count > this.#limit) {
      throw new PlinthError("PLINTH_QUEUE_FULL", `${tail.count} messages of this session are being taken in.`, {
        next: "Wait for an answer, then send it again.",
      });
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    const mine = tail ?? { last: promise, count: 0 };
    const before = tail?.last;
    mine.last = promise;
    mine.count++;
    this.#tails.set(key, mine);
    return {
      before,
      leave: () => {
        if (--mine.count === 0) this.#tails.delete(key);
        resolve();
      },
    };
  }
}

/** Why the router wants no answer; undefined where it wants one. */
function unansweredBy({ action = "answer", say, why }: Route): string | undefined {
  if (action === "answer") return undefined;
  return say ?? `The message is not answered here${why === undefined ? "" : `: ${why}`}.`;
}
