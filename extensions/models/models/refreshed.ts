import { type ModelInfo, PlinthError, type Store } from "@plinth/sdk";
import { infoIn, type Source } from "./source.ts";

const PREFIX = "listed/";
/** A list that nobody asked for again is not believed for longer. */
const KEPT_MS = 180 * 86_400_000;
const MOST = 2_000;

export interface Refresh {
  readonly models: ModelInfo[];
  /** Ids that were not known, and ids of what was known and is not listed any more. */
  readonly added: string[];
  readonly gone: string[];
  /** How many were known before. */
  readonly known: number;
}

/** What vendors listed when the owner last asked for it, kept over what their data says. */
export class Refreshed {
  readonly #store: Pick<Store, "get" | "set">;

  constructor(store: Pick<Store, "get" | "set">) {
    this.#store = store;
  }

  /** As the server says it now; where it cannot be asked, as it said it last. */
  async models(source: Source, signal: AbortSignal): Promise<ModelInfo[]> {
    const kept = await this.#kept(source);
    if (kept === undefined) return source.models(signal);
    try {
      return (await source.status(signal)).ready ? await source.models(signal) : kept;
    } catch {
      signal.throwIfAborted();
      return kept;
    }
  }

  /** Ask for the list, and keep it. What is new and gone is held against the vendor's data; where that names none, against the list of before. */
  async refresh(source: Source, signal: AbortSignal): Promise<Refresh> {
    const { ready, reason } = await source.status(signal);
    const { id, title, extension } = source.data;
    if (!ready) {
      throw new PlinthError("PLINTH_MODEL_NOT_READY", `${title} cannot be asked for its models: ${reason ?? "it is not set up."}`, {
        extension,
        next: `plinth init --provider ${id}`,
      });
    }
    const models = (await source.models(signal)).slice(0, MOST);
    const before = source.known !== undefined && source.known.length > 0 ? source.known : ((await this.#kept(source)) ?? []);
    await this.#store.set(PREFIX + id, models, KEPT_MS);
    return {
      models,
      known: before.length,
      added: models.flatMap((model) => (infoIn(before, model.id) === undefined ? [model.id] : [])),
      gone: before.flatMap(({ id: one, aliases = [] }) => ([one, ...aliases].some((name) => infoIn(models, name) !== undefined) ? [] : [one])),
    };
  }

  async #kept({ data }: Source): Promise<ModelInfo[] | undefined> {
    const kept = await this.#store.get<ModelInfo[]>(PREFIX + data.id);
    return Array.isArray(kept) ? kept : undefined;
  }
}
