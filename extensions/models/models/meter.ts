import {
  type Client,
  type Context,
  errorInfo,
  type ModelChoice,
  type ModelEvent,
  type ModelRequest,
  type ModelsEvent,
  type RateLimit,
  type Usage,
} from "@plinth/sdk";
import { roughTokens } from "./rough-tokens.ts";
import { type Source, unbilledPrice } from "./source.ts";

/** By provider, what its server said of its limits when it answered last. */
export type Limits = Map<string, { limits: RateLimit[]; at: number }>;

type Status = "ok" | "error" | "aborted";

type Asked = Omit<Parameters<Client<"plinth.usage">["admit"]>[0], "by">;

/** One model call as the record sees it. */
export interface Reading {
  take(event: ModelEvent | { type: "usage"; usage: Partial<Usage> }): void;
  /** The first word on how it ended holds. */
  settle(status: Status): Promise<void>;
}

/** Has model calls admitted and put on record. */
export class Meter {
  readonly #ctx: Pick<Context, "use" | "log" | "clock">;
  readonly #by: string;
  readonly #limits: Limits;

  /** @param by the extension that wants the answer. */
  constructor(ctx: Pick<Context, "use" | "log" | "clock">, by: string, limits: Limits) {
    this.#ctx = ctx;
    this.#by = by;
    this.#limits = limits;
  }

  /**
   * Before somebody is asked. Where nothing keeps a record, nothing is kept.
   *
   * @throws PLINTH_SPENDING_LIMIT
   */
  async *admit(source: Source, choice: ModelChoice, request: ModelRequest, signal: AbortSignal): AsyncGenerator<ModelsEvent, Reading> {
    const { provider, model, info: { price = unbilledPrice(source, model), contextTokens } = {} } = choice;
    const { local } = source.data;
    return yield* this.#admit(
      {
        ...{ provider, model, inputTokens: roughTokens(request) },
        ...(price === undefined ? {} : { price }),
        ...(contextTokens === undefined ? {} : { contextTokens }),
        ...(local === undefined ? {} : { local }),
      },
      signal,
    );
  }

  /**
   * The same for what is no completion, where nobody can be told of a wait.
   *
   * @throws PLINTH_SPENDING_LIMIT
   */
  async admitted(asked: Asked, signal: AbortSignal): Promise<Reading> {
    const steps = this.#admit(asked, signal);
    for (;;) {
      const { done, value } = await steps.next();
      if (done) return value;
    }
  }

  async *#admit(asked: Asked, signal: AbortSignal): AsyncGenerator<ModelsEvent, Reading> {
    const { provider } = asked;
    try {
      const steps = this.#ctx
        .use("plinth.usage")
        .one()
        .admit({ ...asked, by: this.#by }, { signal });
      let admitted: string | undefined;
      // To its end: whoever leaves a stream before it is over has it aborted.
      for await (const step of steps) {
        if (step.type === "asking") yield { type: "waiting", message: step.message };
        else if (step.type === "admitted") admitted = step.call;
      }
      return this.#reading(admitted, provider);
    } catch (thrown) {
      if (errorInfo(thrown).code !== "PLINTH_CAPABILITY_MISSING") throw thrown;
    }
    return this.#reading(undefined, provider);
  }

  /** @param call undefined: nothing keeps a record. */
  #reading(call: string | undefined, provider: string): Reading {
    let usage: Partial<Usage> | undefined;
    let spoke = false;
    let settled: Promise<void> | undefined;
    return {
      take: (event) => {
        if (event.type === "usage") usage = event.usage;
        else if (event.type === "limits") this.#limits.set(provider, { limits: event.limits, at: this.#ctx.clock.now() });
        else if (event.type !== "warning") spoke = true;
      },
      settle: async (status) => {
        if (call === undefined) return;
        settled ??= this.#settle({ call, status: status === "error" && spoke ? "aborted" : status, ...(usage === undefined ? {} : { usage }) });
        await settled;
      },
    };
  }

  /** An answer that is there is not lost because its record is. */
  async #settle(what: { call: string; status: Status; usage?: Partial<Usage> }): Promise<void> {
    try {
      await this.#ctx.use("plinth.usage").one().settle(what);
    } catch (error) {
      this.#ctx.log.error("What a model call took could not be put on record.", { ...errorInfo(error) });
    }
  }
}
