import type { Context } from "@plinth/sdk";

/** Whom a name in `model` stands for. */
export type Meant = { agent: string | undefined } | { model: string };

interface Listed {
  id: string;
  object: "model";
  created: number;
  owned_by: string;
}

const VERSION = "anthropic-version";

const anthropic = ({ id, created }: Listed): object => ({
  type: "model",
  id,
  display_name: id,
  created_at: new Date(created * 1000).toISOString(),
});

/** Of all, and how long one provider may take to say what it has. */
const MOST_MODELS = 2_000;
const LIST_MS = 5_000;
const KEPT_MS = 30_000;

/** The agents, and the models of providers that are set up. */
export class ModelList {
  readonly #ctx: Context;
  readonly #created: number;
  #known: { until: number; generation: number | undefined; models: Promise<Listed[]> } | undefined;

  constructor(ctx: Context) {
    this.#ctx = ctx;
    this.#created = Math.floor(ctx.clock.now() / 1000);
  }

  async list(): Promise<Listed[]> {
    const agents = (await this.#agents()).map((id) => this.#listed(`plinth/${id}`, "plinth"));
    const now = this.#ctx.clock.now();
    const generation = this.#ctx.currentWork()?.generation;
    if (this.#known === undefined || this.#known.until <= now || this.#known.generation !== generation) {
      this.#known = { until: now + KEPT_MS, generation, models: this.#models() };
    }
    return [this.#listed("plinth", "plinth"), ...agents, ...(await this.#known.models)].slice(0, MOST_MODELS);
  }

  /** The list in the dialect of whoever asks: Anthropic's clients say which version of it they speak. */
  told(list: readonly Listed[], headers: Readonly<Record<string, string>>): object {
    if (!(VERSION in headers)) return { object: "list", data: list };
    return { data: list.map(anthropic), has_more: false, first_id: list[0]?.id ?? null, last_id: list.at(-1)?.id ?? null };
  }

  toldOne(one: Listed, headers: Readonly<Record<string, string>>): object {
    return VERSION in headers ? anthropic(one) : one;
  }

  /** `plinth`, `plinth/<agent>` or an agent's id is an agent; everything else is the model's own name, or an alias. */
  async meant(name: string): Promise<Meant | undefined> {
    if (name === "plinth") return { agent: undefined };
    const agent = name.startsWith("plinth/") ? name.slice("plinth/".length) : name;
    if ((agent !== name || !name.includes("/")) && (await this.#agents()).includes(agent)) return { agent };
    return agent === name ? { model: name } : undefined;
  }

  async #agents(): Promise<string[]> {
    return (await this.#ctx.use("plinth.router").one().agents({})).agents.map(({ id }) => id);
  }

  /** Only what is set up is asked: the code of the others is not loaded. One that does not answer has none now. */
  async #models(): Promise<Listed[]> {
    const models = this.#ctx.use("plinth.models").one();
    const { sources } = await models.sources({}).catch(() => ({ sources: [] }));
    const signal = AbortSignal.timeout(LIST_MS);
    const lists = sources.map(async ({ id, standIn }) => {
      try {
        const { configured } = await models.status({ provider: id }, { signal });
        if (!configured || standIn === true) return [];
        return (await models.models({ provider: id }, { signal })).models.map((model) => this.#listed(`${id}/${model.id}`, id));
      } catch {
        return [];
      }
    });
    return (await Promise.all(lists)).flat();
  }

  #listed(id: string, owner: string): Listed {
    return { id, object: "model", created: this.#created, owned_by: owner };
  }
}
