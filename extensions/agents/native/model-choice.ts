import { errorInfo, PlinthError, type Uses } from "@plinth/sdk";

export interface ModelChoice {
  provider: string;
  model: string;
  /** provider/model */
  name: string;
  /** extension/provider, whose opaque parts are its own. */
  maker: string;
}

interface Options {
  now(): number;
  /** A choice is good for the generation in which it was made. */
  generation(): number | undefined;
}

const CACHE_MS = 10_000;
const STATUS_MS = 2_000;

/** Turns `auto`, `provider/auto` and `provider/model` into a provider and its model. */
export class ModelChooser {
  readonly #providers: Uses<"plinth.model-provider">;
  readonly #options: Options;
  #chosen: { choice: Promise<ModelChoice>; until: number; generation: number | undefined } | undefined;

  constructor(providers: Uses<"plinth.model-provider">, options: Options) {
    this.#providers = providers;
    this.#options = options;
  }

  async choose(model: string): Promise<ModelChoice> {
    if (model === "auto") return this.#automatic();
    const slash = model.indexOf("/");
    const provider = model.slice(0, Math.max(slash, 0));
    const name = model.slice(slash + 1);
    const all = await this.#providers.list();
    const extension = all.find(({ id }) => id === provider)?.extension;
    if (extension === undefined || name === "")
      throw unknown(
        model,
        all.map(({ id }) => id),
      );
    const maker = `${extension}/${provider}`;
    if (name !== "auto") return { provider, model: name, name: model, maker };
    const { ready, reason, defaultModel } = await this.#providers.get(provider).status({});
    if (defaultModel) return { provider, model: defaultModel, name: `${provider}/${defaultModel}`, maker };
    throw new PlinthError("PLINTH_MODEL_UNKNOWN", `${provider} names no default model${ready || !reason ? "" : ` (${reason})`}.`, {
      extension,
      next: `Name one: ${provider}/MODEL.`,
    });
  }

  /** Choose anew next time. */
  forget(): void {
    this.#chosen = undefined;
  }

  #automatic(): Promise<ModelChoice> {
    const now = this.#options.now();
    const generation = this.#options.generation();
    if (this.#chosen !== undefined && this.#chosen.until > now && this.#chosen.generation === generation) return this.#chosen.choice;
    const choice = this.#firstReady();
    const chosen = { choice, until: now + CACHE_MS, generation };
    this.#chosen = chosen;
    choice.catch(() => {
      if (this.#chosen === chosen) this.#chosen = undefined;
    });
    return choice;
  }

  /**
   * The product's own by priority, then id; asked one after the other, so that the code of the rest is not even loaded. A
   * third party's is used where it is named, never because it comes first.
   */
  async #firstReady(): Promise<ModelChoice> {
    const providers = (await this.#providers.list())
      .filter(({ trusted }) => trusted)
      .sort((a, b) => a.descriptor.priority - b.descriptor.priority || (a.id < b.id ? -1 : 1));
    const reasons: string[] = [];
    for (const { id, extension } of providers) {
      try {
        const { ready, reason, defaultModel } = await this.#providers.get(id).status({}, { deadlineMs: STATUS_MS });
        if (ready && defaultModel) return { provider: id, model: defaultModel, name: `${id}/${defaultModel}`, maker: `${extension}/${id}` };
        reasons.push(`${id}: ${reason ?? (ready ? "it names no default model" : "it is not ready")}`);
      } catch (error) {
        reasons.push(`${id}: ${errorInfo(error).message}`);
      }
    }
    throw new PlinthError("PLINTH_MODEL_NONE", "No model can answer now.", {
      next: reasons.length > 0 ? `Set one of them up (${reasons.join("; ").slice(0, 1_000)}).` : "Install an extension that provides a model.",
    });
  }
}

function unknown(model: string, ids: readonly string[]): PlinthError {
  const alternatives = ["auto", ...ids.map((id) => `${id}/auto`)];
  return new PlinthError("PLINTH_MODEL_UNKNOWN", `There is no model "${model}".`, {
    next: `Use ${alternatives.join(", ")}, or PROVIDER/MODEL. Another publisher's has to be chosen once: plinth grants choose EXTENSION.`,
    details: { alternatives },
  });
}
