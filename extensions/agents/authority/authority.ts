import { createHash } from "node:crypto";
import {
  type Call,
  type Client,
  type Context,
  canonicalJson,
  type Decision,
  decide,
  type Effect,
  errorInfo,
  type Influence,
  type InteractionAction,
  type InteractionAnswer,
  PlinthError,
} from "@plinth/sdk";
import type { Allowances, Place } from "./allowances.ts";
import { type Said, saidBy } from "./said.ts";
import { optionsFor, riskOf, summaryOf, titleOf, whyOf } from "./words.ts";

type Question = Parameters<Client<"plinth.policy">["check"]>[0];
type Parts = Pick<Context, "use" | "clock" | "log" | "lower">;

const SESSION_MS = 24 * 3_600_000;
const ALWAYS_MS = 30 * 24 * 3_600_000;
/** What only an owner's own work does at all: nobody is asked on behalf of others. */
const OWNERS_ONLY: readonly Effect[] = ["exec", "administer"];

/** Decides each guarded call by who had a hand in the work that makes it; what is more than that work may do is asked for. */
export class Authority {
  readonly #ctx: Parts;
  readonly #allowances: Allowances;
  readonly #digestOf: (extension: string) => Promise<string | undefined>;
  readonly #always: () => readonly Effect[];

  /**
   * @param digestOf of an installed extension's package.
   * @param always effects that are asked for whoever had a hand in them.
   */
  constructor(ctx: Parts, allowances: Allowances, digestOf: (extension: string) => Promise<string | undefined>, always: () => readonly Effect[]) {
    this.#ctx = ctx;
    this.#allowances = allowances;
    this.#digestOf = digestOf;
    this.#always = always;
  }

  /** Resolves when the call may be made. */
  async check(question: Question, { work, signal }: Pick<Call, "work" | "signal">): Promise<Record<string, never>> {
    const influences = work?.influences ?? [];
    const always = this.#always();
    const said = await saidBy(question, this.#ctx);
    if (said.ownerOnly && work?.principal.role !== "owner") throw notForOthers(said.name);
    const each = said.effects.some((effect) => (always as readonly string[]).includes(effect));
    if (said.approval === "never" ? !each : influences.length === 0 && !each && said.approval !== "ask") return {};
    const { session, agent, run = work?.id ?? "" } = work?.principal.scope ?? {};
    const place: Place = { session, agent };
    const decision = decide(influences, said.effects, await this.#granted(place, influences), said.approval === "ask" ? said.effects : always);
    if (decision.verdict === "run" && said.approval !== "ask") return {};
    if (work?.principal.role !== "owner" && decision.effects.some((effect) => OWNERS_ONLY.includes(effect))) throw notForOthers(said.name);
    const action = await this.#action(question, said, decision);
    const answer = await this.#ask({ ...place, run }, action, decision, said, signal);
    if (answer.answer !== "chosen") throw refused(said.name, answer);
    // What was shown is what runs: the folder, the program and its bytes, and what the tool says of itself, are looked at once more.
    const now = await saidBy(question, this.#ctx);
    if (now.digest !== said.digest || digestOf(await this.#action(question, now, decision)) !== digestOf(action)) throw changed(said.name);
    if (answer.option === "session" || answer.option === "always") await this.#remember(answer.option, place, decision);
    return {};
  }

  async #granted(place: Place, influences: readonly Influence[]): Promise<(party: string, effect: Effect) => boolean> {
    const held = (await this.#allowances.at(place)).filter(({ party }) => influences.some((one) => one.party === party));
    const fresh = new Set<(typeof held)[number]>();
    for (const one of held) if (one.digest === undefined || one.digest === (await this.#digestOf(one.party))) fresh.add(one);
    return (party, effect) => [...fresh].some((one) => one.party === party && one.effect === effect);
  }

  async #action({ contract, id, input }: Question, { name, effects, from }: Said, { effects: asked }: Decision): Promise<InteractionAction> {
    const { args = {}, workspace } = (input ?? {}) as { args?: Record<string, unknown>; workspace?: string };
    const effect = asked.at(-1) ?? (effects[0] as Effect | undefined) ?? "read";
    // Only the product's own tools say what exactly they run: another's would have a hand in the question.
    const subject =
      from === undefined && contract === "plinth.tool"
        ? await this.#ctx
            .use("plinth.tool")
            .get(id)
            .subject?.({ args, ...(workspace === undefined ? {} : { workspace }) })
            .catch((error: unknown) => {
              if (errorInfo(error).code === "PLINTH_UNSUPPORTED") return undefined;
              throw error;
            })
        : undefined;
    return { effect, tool: name, summary: summaryOf(effect, name, from), args, ...(subject === undefined ? {} : { subject }) };
  }

  async #ask(
    { session, agent, run }: Place & { run: string },
    action: InteractionAction,
    decision: Decision,
    { approval }: Said,
    signal: AbortSignal,
  ): Promise<InteractionAnswer> {
    const parties = decision.parties.map(({ party, how }) => ({ party, how }));
    const steps = this.#ctx
      .use("plinth.interaction")
      .one()
      .ask(
        {
          kind: "approval",
          sessionKey: session ?? "none",
          runId: run.slice(0, 64) || "none",
          ...(agent === undefined ? {} : { agent }),
          title: titleOf(action),
          action,
          digest: digestOf(action),
          influencedBy: parties,
          risk: riskOf(action.effect),
          why: whyOf(action.effect, parties, approval === "ask"),
          options: optionsFor(parties, approval === "ask" || this.#always().includes(action.effect)),
        },
        { signal },
      );
    for await (const step of steps) {
      await this.#tell(run, step);
      if (step.state === "answered") return step.answer;
    }
    throw new PlinthError("PLINTH_AUTHORITY", "Nobody could be asked.", { next: "Try again." });
  }

  /** The turn shows that it waits; without a turn, or where it is over, surfaces see the question all the same. */
  async #tell(runId: string, step: Parameters<Client<"plinth.turns">["tell"]>[0]["step"]): Promise<void> {
    await this.#ctx
      .use("plinth.turns")
      .one()
      .tell({ runId, step })
      .catch((error: unknown) => this.#ctx.log.debug("A turn was not told of its question.", { ...errorInfo(error) }));
  }

  async #remember(option: "session" | "always", { session, agent }: Place, { effects, parties }: Decision): Promise<void> {
    const now = this.#ctx.clock.now();
    for (const { party } of parties) {
      const digest = await this.#digestOf(party);
      for (const effect of effects) {
        const where = option === "session" || agent === undefined ? { session: session ?? "none" } : { agent };
        const expiresAt = now + (option === "session" ? SESSION_MS : ALWAYS_MS);
        await this.#allowances.add({ party, effect, ...where, ...(digest === undefined ? {} : { digest }), expiresAt });
      }
    }
  }
}

const digestOf = (action: InteractionAction): string => createHash("sha256").update(canonicalJson(action)).digest("hex");

function refused(tool: string, { answer, why }: InteractionAnswer): PlinthError {
  const what = { declined: "the owner said no", cancelled: "the question was taken back", expired: "nobody answered in time", chosen: "" }[answer];
  return new PlinthError("PLINTH_AUTHORITY", `${tool} was not run: ${why ? why.replace(/\.$/, "") : what}.`, {
    extension: "plinth.authority",
    next: "The owner can allow it when asked; go on without it.",
  });
}

const changed = (tool: string): PlinthError =>
  new PlinthError("PLINTH_AUTHORITY", `${tool} was not run: what it would run changed after the owner had seen it.`, {
    extension: "plinth.authority",
    next: "Ask again.",
  });

const notForOthers = (tool: string): PlinthError =>
  new PlinthError("PLINTH_AUTHORITY", `${tool} is for the owner only; this is the work of a guest or of an extension.`, {
    extension: "plinth.authority",
    next: "The owner can ask for it in a conversation of their own.",
  });
