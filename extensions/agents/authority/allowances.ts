import { randomBytes } from "node:crypto";
import type { Effect, Store } from "@plinth/sdk";

/** That an owner lets what `party` had a hand in do `effect` by itself: in one conversation, or in an agent's turns, to an end. */
export interface Allowance {
  id: string;
  party: string;
  effect: Effect;
  /** Bytes of the party's package at that time: another version is asked for anew. Absent for who is no extension. */
  digest?: string;
  agent?: string;
  session?: string;
  at: number;
  expiresAt: number;
}

export interface Place {
  agent: string | undefined;
  session: string | undefined;
}

const MOST = 500;
const LETTERS = "abcdefghjkmnpqrstuvwxyz23456789";

/** What owners allowed, in `ctx.store`; read once, written through. */
export class Allowances {
  readonly #store: Store;
  readonly #now: () => number;
  #all: Promise<Map<string, Allowance>> | undefined;

  constructor(store: Store, now: () => number) {
    this.#store = store;
    this.#now = now;
  }

  /** Those that hold here and now. */
  async at({ agent, session }: Place): Promise<Allowance[]> {
    const now = this.#now();
    return [...(await this.#load()).values()].filter(
      (one) => one.expiresAt > now && (one.session === undefined ? one.agent === agent && agent !== undefined : one.session === session),
    );
  }

  async list(): Promise<Allowance[]> {
    const now = this.#now();
    return [...(await this.#load()).values()].filter((one) => one.expiresAt > now).sort((a, b) => a.at - b.at);
  }

  async add(given: Omit<Allowance, "id" | "at">): Promise<Allowance> {
    const all = await this.#load();
    const allowance: Allowance = { ...given, id: newId(), at: this.#now() };
    for (const { id } of [...all.values()].sort((a, b) => a.expiresAt - b.expiresAt).slice(0, Math.max(0, all.size - MOST + 1)))
      await this.#remove(id);
    await this.#store.set(`allow/${allowance.id}`, allowance, allowance.expiresAt - allowance.at);
    all.set(allowance.id, allowance);
    return allowance;
  }

  /** Those of an id, or of a party; resolves to what was taken back. */
  async revoke(which: string): Promise<Allowance[]> {
    const found = [...(await this.#load()).values()].filter(({ id, party }) => id === which || party === which);
    for (const { id } of found) await this.#remove(id);
    return found;
  }

  async #remove(id: string): Promise<void> {
    (await this.#load()).delete(id);
    await this.#store.delete(`allow/${id}`);
  }

  #load(): Promise<Map<string, Allowance>> {
    this.#all ??= this.#read().catch((error) => {
      this.#all = undefined;
      throw error;
    });
    return this.#all;
  }

  async #read(): Promise<Map<string, Allowance>> {
    const all = new Map<string, Allowance>();
    for (const key of await this.#store.keys("allow/")) {
      const one = await this.#store.get<Allowance>(key);
      if (one !== undefined) all.set(one.id, one);
    }
    return all;
  }
}

const newId = (): string => Array.from(randomBytes(6), (byte) => LETTERS[byte % LETTERS.length]).join("");
