import { errorInfo, type ModelChoice, nearNames, PlinthError } from "@plinth/sdk";
import { unpinned } from "./proofs.ts";
import type { Config } from "./settings.ts";
import type { Source, State } from "./source.ts";

const CACHE_MS = 10_000;
/** So many are said where nobody can answer. */
const REASONS = 3;
/** Aliases may name aliases; a circle ends here. */
const MOST_ALIASES = 8;

export interface Chosen {
  readonly source: Source;
  readonly choice: ModelChoice;
  /** The credential that was named with the model. */
  readonly pinned?: string;
}

interface Options {
  sources(): Promise<ReadonlyMap<string, Source>>;
  source(id: string): Promise<Source | undefined>;
  now(): number;
  /** A choice is good for the generation in which it was made. */
  generation(): Promise<string>;
  readonly aliases: NonNullable<Config["aliases"]>;
}

/** Turns an alias, `auto`, `provider/auto` and `provider/model` into a provider and its model. */
export class Chooser {
  readonly #options: Options;
  #automatic: { chosen: Promise<Chosen>; until: number; generation: string } | undefined;

  constructor(options: Options) {
    this.#options = options;
  }

  async choose(wanted: string, signal: AbortSignal): Promise<Chosen> {
    const { name, ...pin } = unpinned(aliased(wanted, this.#options.aliases));
    if (name === "auto") return this.#auto(signal);
    const slash = name.indexOf("/");
    const source = await this.#options.source(name.slice(0, Math.max(slash, 0)));
    const model = name.slice(slash + 1);
    if (source === undefined || model === "") {
      const ids = [...(await this.#options.sources()).keys()];
      throw unknown(wanted, ids, Object.keys(this.#options.aliases));
    }
    return { ...(model === "auto" ? await named(source, signal) : chosen(source, model)), ...pin };
  }

  /** What was chosen automatically failed: choose anew next time. */
  forget(): void {
    this.#automatic = undefined;
  }

  async #auto(signal: AbortSignal): Promise<Chosen> {
    const generation = await this.#options.generation();
    const now = this.#options.now();
    const known = this.#automatic;
    if (known !== undefined && known.until > now && known.generation === generation) return known.chosen;
    const made = { chosen: this.#first(signal), until: now + CACHE_MS, generation };
    this.#automatic = made;
    made.chosen.catch(() => {
      if (this.#automatic === made) this.#automatic = undefined;
    });
    return made.chosen;
  }

  /**
   * The first that somebody set up, by priority, then id; asked one after the other, so that the code of the rest is not even
   * loaded. It stays the choice where it cannot answer: then that is what has to be said. A third party's is used where it is
   * named, never because it comes first.
   */
  async #first(signal: AbortSignal): Promise<Chosen> {
    const reasons: string[] = [];
    let standIn: Chosen | undefined;
    for (const source of (await this.#options.sources()).values()) {
      const { id, extension, trusted, title } = source.data;
      if (!trusted || (standIn !== undefined && source.data.standIn)) continue;
      const { ready, configured, reason, defaultModel } = await source
        .status(signal)
        .catch((thrown: unknown): State => ({ ready: false, configured: false, reason: errorInfo(thrown).message }));
      if (ready && defaultModel !== undefined) {
        if (source.data.standIn !== true) return chosen(source, defaultModel);
        standIn ??= chosen(source, defaultModel);
        continue;
      }
      if (configured && defaultModel !== undefined) return chosen(source, defaultModel);
      if (configured) {
        throw new PlinthError("PLINTH_MODEL_NOT_READY", `${title} is set up and cannot answer: ${reason ?? "it names no model."}`, {
          extension,
          next: `plinth models ${id}`,
          details: { retryable: false, provider: id },
        });
      }
      if (reason !== undefined) reasons.push(`${id}: ${reason}`);
    }
    if (standIn !== undefined) return standIn;
    throw new PlinthError("PLINTH_MODEL_NONE", "No model can answer now.", {
      next: reasons.length > 0 ? `Set one up: plinth init. ${missingIn(reasons)}` : "Install an extension that provides a model.",
    });
  }
}

/** What the first of them wait for; the rest is a list's to show. */
export function missingIn(reasons: readonly string[], list = "plinth models --all"): string {
  const rest = reasons.length - REASONS;
  const first = reasons.slice(0, REASONS).map((reason) => reason.replace(/\.$/, ""));
  return `${first.join("; ").slice(0, 300)}.${rest > 0 ? ` And ${rest} more: ${list}` : ""}`;
}

/** What is meant by a name that is an alias, or one of an alias. */
export function aliased(name: string, aliases: Readonly<Record<string, string>>): string {
  for (let step = 0; step < MOST_ALIASES && Object.hasOwn(aliases, name); step++) name = aliases[name] as string;
  return name;
}

function chosen(source: Source, model: string): Chosen {
  const { id } = source.data;
  const info = source.info(model);
  return { source, choice: { name: `${id}/${model}`, provider: id, model, maker: source.maker, ...(info === undefined ? {} : { info }) } };
}

async function named(source: Source, signal: AbortSignal): Promise<Chosen> {
  const { ready, reason, defaultModel } = await source.status(signal);
  if (defaultModel !== undefined) return chosen(source, defaultModel);
  const { id, extension } = source.data;
  throw new PlinthError("PLINTH_MODEL_UNKNOWN", `${id} names no default model${ready || !reason ? "" : ` (${reason})`}.`, {
    extension,
    next: `Name one: ${id}/MODEL.`,
  });
}

function unknown(model: string, ids: readonly string[], aliases: readonly string[]): PlinthError {
  const alternatives = [...aliases, "auto", ...ids.map((id) => `${id}/auto`)];
  const slash = model.indexOf("/");
  const before = slash < 0 ? model : model.slice(0, slash);
  const after = slash < 0 ? "MODEL" : model.slice(slash + 1) || "MODEL";
  const near = ids.includes(before) ? [before] : nearNames(before, [...ids, ...aliases]);
  const meant = near.map((id) => (aliases.includes(id) ? id : ids.includes(before) ? `${id}/auto or ${id}/MODEL` : `${id}/${after}`));
  const next =
    meant.length > 0
      ? `Did you mean ${meant.join(" or ")}?`
      : `Name it with its provider${slash < 0 ? `: PROVIDER/${before}` : ""}, or auto for whoever answers.`;
  return new PlinthError("PLINTH_MODEL_UNKNOWN", `There is no model "${model}".`, {
    next: `${next} plinth models lists them. Another publisher's has to be chosen once: plinth grants choose EXTENSION.`,
    details: { alternatives },
  });
}
