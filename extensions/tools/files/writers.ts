import type { Context } from "@plinth/sdk";

/** A third party that may write where the workspace is, or could: in milliseconds since the epoch. */
interface Writer {
  from: number;
  /** Absent while it still may. */
  until?: number;
}

export interface Times {
  ctimeMs: number;
  mtimeMs: number;
}

const KEY = "writers";
const MOST = 1_000;
/** Files are dated by a clock that runs behind by some milliseconds. */
const SLACK_MS = 1_000;

/**
 * Who may write in the workspace whenever they like, and who could at which time: what they left there does not become
 * the owner's word by their being uninstalled. Kept in `ctx.store`.
 */
export class Writers {
  readonly #ctx: Pick<Context, "store" | "use" | "currentWork">;
  #now: { generation: number | undefined; ids: Promise<string[]> } | undefined;
  #known: Promise<Map<string, Writer>> | undefined;
  #last: Promise<unknown> = Promise.resolve();

  constructor(ctx: Pick<Context, "store" | "use" | "currentWork">) {
    this.#ctx = ctx;
  }

  /** Those of now. */
  ids(): Promise<string[]> {
    const generation = this.#ctx.currentWork()?.generation;
    if (this.#now === undefined || this.#now.generation !== generation || generation === undefined) this.#now = { generation, ids: this.note() };
    return this.#now.ids;
  }

  /** Those who could when one of these was last changed, and may no more. */
  async formerly(times: Iterable<Times>): Promise<string[]> {
    await this.ids();
    const former = [...(await this.#load())].filter(([, { until }]) => until !== undefined);
    if (former.length === 0) return [];
    const all = [...times].flatMap(({ ctimeMs, mtimeMs }) => [ctimeMs, mtimeMs]);
    return former.filter(([, { from, until = 0 }]) => all.some((at) => at >= from && at <= until)).map(([id]) => id);
  }

  /** Look at the grants as they are now. One look at a time. */
  note(): Promise<string[]> {
    const mine = this.#last.then(() => this.#look());
    this.#last = mine.catch(() => {});
    return mine;
  }

  async #look(): Promise<string[]> {
    const { grants } = await this.#ctx.use("plinth.host").one().grants({});
    const known = await this.#load();
    const now = Date.now();
    const ids = new Set<string>();
    let changed = false;
    for (const [id, { permissions, at }] of Object.entries(grants)) {
      if (!(permissions.fs ?? []).some((entry) => entry !== "data" && !entry.endsWith(":ro"))) continue;
      ids.add(id);
      const held = known.get(id);
      if (held !== undefined && held.until === undefined) continue;
      known.set(id, { from: Math.min(held?.from ?? at, at - SLACK_MS) });
      changed = true;
    }
    for (const [id, writer] of known) {
      if (ids.has(id) || writer.until !== undefined) continue;
      known.set(id, { ...writer, until: now });
      changed = true;
    }
    for (const id of known.keys()) if (known.size > MOST && !ids.has(id)) known.delete(id);
    if (changed) await this.#ctx.store.set(KEY, Object.fromEntries(known));
    return [...ids];
  }

  #load(): Promise<Map<string, Writer>> {
    this.#known ??= this.#ctx.store
      .get<Record<string, Writer>>(KEY)
      .then((kept) => new Map(Object.entries(kept ?? {})))
      .catch((error) => {
        this.#known = undefined;
        throw error;
      });
    return this.#known;
  }
}
