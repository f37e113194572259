import { createHash } from "node:crypto";
import {
  type Call,
  type Context,
  canonicalJson,
  errorInfo,
  type InteractionAction,
  type InteractionAnswer,
  type InteractionStep,
  PlinthError,
} from "@plinth/sdk";
import type { Whose } from "./ledger.ts";

/** What a question is about. */
export interface Question {
  /** A sentence that ends an error as well. */
  readonly what: string;
  readonly action: InteractionAction;
  /** What a lasting yes is called. */
  readonly lasting: string;
}

export type Yes = "once" | "session";

type Parts = Pick<Context, "use" | "clock" | "log">;

const AGAIN_MS = 30_000;

/** Asks the owner whether something may be spent, and waits. Yields what it waits for now and then; no answer is no. */
export async function* ask(
  ctx: Parts,
  { what, action, lasting }: Question,
  { run, session, agent }: Whose,
  { work, signal }: Pick<Call, "work" | "signal">,
): AsyncGenerator<string, Yes> {
  // Outside of a conversation nobody sees a question.
  if (session === undefined || work?.principal.scope?.run === undefined) throw refused(what, "nobody can be asked here");
  const steps = ctx
    .use("plinth.interaction")
    .one()
    .ask(
      {
        kind: "approval",
        sessionKey: session,
        runId: run.slice(0, 64),
        ...(agent === undefined ? {} : { agent }),
        title: "Spend more?",
        action,
        digest: createHash("sha256").update(canonicalJson(action)).digest("hex"),
        influencedBy: work.influences.map(({ party, how }) => ({ party, how })),
        risk: "high",
        why: what,
        options: [
          { id: "once", label: "Go on in this turn", style: "primary" },
          { id: "session", label: lasting, style: "normal" },
          { id: "deny", label: "Stop here", style: "danger" },
        ],
      },
      { signal },
    )
    [Symbol.asyncIterator]();
  const waiting = new AbortController();
  try {
    let answer: InteractionAnswer | undefined;
    for (let next = steps.next(); answer === undefined; ) {
      const step = await Promise.race([next, ctx.clock.sleep(AGAIN_MS, AbortSignal.any([signal, waiting.signal])).then(() => undefined)]);
      if (step === undefined) {
        yield `Waiting for the owner. ${what}`;
        continue;
      }
      if (step.done) break;
      await tell(ctx, run, step.value);
      if (step.value.state === "answered") answer = step.value.answer;
      else yield `Waiting for the owner. ${what}`;
      next = steps.next();
    }
    if (answer?.answer === "chosen" && (answer.option === "once" || answer.option === "session")) return answer.option;
    throw refused(what, answer === undefined ? "nobody could be asked" : reasonOf(answer));
  } catch (thrown) {
    if (signal.aborted) throw thrown;
    const { code, message } = errorInfo(thrown);
    throw code === "PLINTH_SPENDING_LIMIT" ? thrown : refused(what, `nobody could be asked (${message.replace(/\.$/, "")})`);
  } finally {
    waiting.abort();
    await steps.return?.();
  }
}

/** The turn shows that it waits; where it is over, surfaces see the question all the same. */
async function tell(ctx: Parts, runId: string, step: InteractionStep): Promise<void> {
  await ctx
    .use("plinth.turns")
    .one()
    .tell({ runId, step })
    .catch((error: unknown) => ctx.log.debug("A turn was not told of its question.", { ...errorInfo(error) }));
}

function reasonOf({ answer, why }: InteractionAnswer): string {
  if (why !== undefined) return `${why.charAt(0).toLowerCase()}${why.slice(1).replace(/\.$/, "")}`;
  return { declined: "the owner said no", cancelled: "the question was taken back", expired: "nobody answered in time", chosen: "" }[answer];
}

const refused = (what: string, why: string): PlinthError =>
  new PlinthError("PLINTH_SPENDING_LIMIT", `No model was asked: ${why}. ${what}`, {
    extension: "plinth.usage",
    next: "plinth usage shows the limits. Raise one, or go on when it begins anew: plinth config set extensions.plinth.usage.config.limits.day.usd 10",
    details: { retryable: false },
  });
