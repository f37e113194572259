import { type Context, PlinthError, type VendorPurpose } from "@plinth/sdk";
import { aliased, missingIn } from "./choice.ts";
import type { Directory } from "./directory.ts";
import { unpinned } from "./proofs.ts";
import { PURPOSES } from "./purpose-methods.ts";
import { type PurposeSource, purposeSources, stateOf } from "./purpose-sources.ts";
import type { Config } from "./settings.ts";

export interface PurposeChoice {
  readonly source: PurposeSource;
  readonly model: string;
  /** provider/model */
  readonly name: string;
  /** The credential that was named with the model. */
  readonly pinned?: string;
}

/** Who answers for a purpose other than completions, by the same names as models that do: an alias, `auto`, `provider/model`. */
export class Purposes {
  readonly #ctx: Context;
  readonly #directory: Directory;
  readonly #config: Config;

  constructor(ctx: Context, directory: Directory, config: Config) {
    this.#ctx = ctx;
    this.#directory = directory;
    this.#config = config;
  }

  async sources(purpose: string): Promise<ReadonlyMap<string, PurposeSource>> {
    return purposeSources(this.#ctx, known(purpose), (await this.#directory.everybody()).values());
  }

  async source(purpose: string, id: string): Promise<PurposeSource> {
    const sources = await this.sources(purpose);
    const found = sources.get(id);
    if (found !== undefined) return found;
    throw new PlinthError("PLINTH_MODEL_UNKNOWN", `"${id}" has no models for ${short(purpose)}.`, {
      next: `plinth models --for ${short(purpose)} --all lists who has. Another publisher's has to be chosen once: plinth grants choose EXTENSION.`,
      details: { alternatives: [...sources.keys()] },
    });
  }

  /** @param wanted default: what the configuration names for this purpose, else the first that is set up. */
  async choose(purpose: VendorPurpose, wanted: string | undefined, signal: AbortSignal): Promise<PurposeChoice> {
    const { name, ...pin } = unpinned(aliased(wanted ?? this.#config.defaults?.[short(purpose)] ?? "auto", this.#config.aliases ?? {}));
    if (name === "auto") return this.#first(purpose, signal);
    const slash = name.indexOf("/");
    const source = await this.source(purpose, slash < 0 ? name : name.slice(0, slash));
    const model = slash < 0 ? "auto" : name.slice(slash + 1);
    if (model !== "auto" && model !== "") return { ...chosen(source, model), ...pin };
    const { defaultModel, reason } = await stateOf(source, signal);
    if (defaultModel !== undefined) return { ...chosen(source, defaultModel), ...pin };
    throw new PlinthError("PLINTH_MODEL_UNKNOWN", `${source.data.id} names no default model${reason === undefined ? "" : ` (${reason})`}.`, {
      extension: source.data.extension,
      next: `Name one: ${source.data.id}/MODEL.`,
    });
  }

  /** A third party's is used where it is named, never because it comes first. */
  async #first(purpose: VendorPurpose, signal: AbortSignal): Promise<PurposeChoice> {
    const reasons: string[] = [];
    for (const source of (await this.sources(purpose)).values()) {
      if (!source.data.trusted) continue;
      const { ready, reason, defaultModel } = await stateOf(source, signal);
      if (ready && defaultModel !== undefined) return chosen(source, defaultModel);
      if (reason !== undefined) reasons.push(`${source.data.id}: ${reason}`);
    }
    throw new PlinthError("PLINTH_MODEL_NONE", `Nothing that is set up has models for ${short(purpose)}.`, {
      next:
        reasons.length > 0
          ? `Set one up, or name one: PROVIDER/MODEL. ${missingIn(reasons, `plinth models --for ${short(purpose)} --all`)}`
          : `Install an extension that has some: plinth plugins search ${short(purpose)}`,
    });
  }
}

export const short = (purpose: string): string => purpose.replace(/^plinth\./, "");

const chosen = (source: PurposeSource, model: string): PurposeChoice => ({ source, model, name: `${source.data.id}/${model}` });

function known(purpose: string): VendorPurpose {
  const found = PURPOSES.find((one) => one === purpose);
  if (found !== undefined) return found;
  throw new PlinthError("PLINTH_CAPABILITY_MISSING", `There are no models for "${purpose}".`, {
    next: `Ask for one of: ${PURPOSES.map(short).join(", ")}.`,
    details: { alternatives: PURPOSES },
  });
}
