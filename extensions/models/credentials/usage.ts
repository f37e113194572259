import type { Client, Store } from "@plinth/sdk";
import type { Usage } from "./eligibility.ts";

type Report = Parameters<Client<"plinth.credentials">["report"]>[0];

const COOLDOWNS_MS = [30_000, 60_000, 300_000];
/** What was refused or has to be paid for is not better in a moment. */
const DISABLED_MS = 600_000;
const NO_MODEL_MS = 3_600_000;
/** So long a use need not be written down again. */
const NOTED_MS = 60_000;
const SESSION_MS = 7 * 86_400_000;
const MOST_MODELS = 64;
/** What another process noted is seen after that. */
const FRESH_MS = 5_000;
const MOST_KNOWN = 1_000;

/** What happened with each, and which one a session stays with; kept in the extension's store, which all processes share. */
export class Usages {
  readonly #store: Store;
  readonly #now: () => number;
  readonly #read = new Map<string, { usage: Usage; until: number }>();

  constructor(store: Store, now: () => number) {
    this.#store = store;
    this.#now = now;
  }

  async of(id: string): Promise<Usage> {
    const known = this.#read.get(id);
    if (known !== undefined && this.#now() < known.until) return known.usage;
    return this.#known(id, ((await this.#store.get(`usage:${id}`)) as Usage | undefined) ?? {});
  }

  async note(report: Report): Promise<void> {
    const { id } = report;
    const before = await this.of(id);
    const after = afterwards(before, report, this.#now());
    if (after !== before) await this.#store.set(`usage:${id}`, this.#known(id, after));
  }

  async forget(id: string): Promise<void> {
    this.#read.delete(id);
    await this.#store.delete(`usage:${id}`);
  }

  #known(id: string, usage: Usage): Usage {
    if (this.#read.size >= MOST_KNOWN) this.#read.clear();
    this.#read.set(id, { usage, until: this.#now() + FRESH_MS });
    return usage;
  }

  async session(vendor: string, key: string): Promise<string | undefined> {
    return (await this.#store.get(sessionKey(vendor, key))) as string | undefined;
  }

  async stay(vendor: string, key: string, id: string): Promise<void> {
    await this.#store.set(sessionKey(vendor, key), id, SESSION_MS);
  }
}

const sessionKey = (vendor: string, key: string): string => `session:${vendor}:${key}`;

/** What is known of one after a report. The server's own wait is the least. */
export function afterwards(before: Usage, { outcome, model, retryAfterMs = 0 }: Omit<Report, "id">, now: number): Usage {
  const { usedAt = 0, failures = 0, models = {} } = before;
  const rest = (count: number): number => now + Math.max(COOLDOWNS_MS[Math.min(count, COOLDOWNS_MS.length) - 1] as number, retryAfterMs);
  switch (outcome) {
    case "ok": {
      const clean =
        failures === 0 && before.until === undefined && (model === undefined ? Object.keys(models).length === 0 : !Object.hasOwn(models, model));
      if (clean && now - usedAt < NOTED_MS) return before;
      const others = model === undefined ? {} : without(models, model);
      return { usedAt: now, ...(Object.keys(others).length === 0 ? {} : { models: others }) };
    }
    case "auth":
    case "billing":
      return { ...before, usedAt: now, failures: failures + 1, until: now + Math.max(DISABLED_MS, retryAfterMs), why: "disabled" };
    case "model":
      if (model === undefined) return before;
      return { ...before, usedAt: now, models: withOne(models, model, { until: now + NO_MODEL_MS, why: "no-model", failures: 1 }) };
    case "rate": {
      if (model === undefined) return { ...before, usedAt: now, failures: failures + 1, until: rest(failures + 1), why: "cooldown" };
      // Rates are counted for each model: others go on.
      const count = (Object.hasOwn(models, model) ? (models[model]?.failures ?? 0) : 0) + 1;
      return { ...before, usedAt: now, models: withOne(models, model, { until: rest(count), why: "cooldown", failures: count }) };
    }
    case "quota":
      return { ...before, usedAt: now, failures: failures + 1, until: rest(failures + 1), why: "cooldown" };
    default:
      // The server, or the way to it: no other credential would fare better.
      return before;
  }
}

type Models = NonNullable<Usage["models"]>;

function withOne(models: Models, model: string, one: Models[string]): Models {
  const entries = Object.entries(without(models, model));
  return Object.fromEntries([...entries.slice(-(MOST_MODELS - 1)), [model, one]]);
}

const without = (models: Models, model: string): Models => Object.fromEntries(Object.entries(models).filter(([name]) => name !== model));
