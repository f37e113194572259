import type { CallOptions, ExtensionStore } from "@plinth/manifests/wire/bridge.ts";
import { errors } from "./errors.ts";

/** Asks the slot that keeps the values. */
export type Ask = (method: string, input: Record<string, unknown>, options?: CallOptions) => Promise<unknown>;

const DEFAULT_QUOTA_MB = 16;
const MAX_KEY = 512;

/** All extensions' stores: keyv over whoever fills the slot, one namespace and quota each, made at first use. */
export class Stores {
  readonly ask: Ask;
  readonly #open = new Map<string, Promise<ExtensionStore>>();

  constructor(ask: Ask) {
    this.ask = ask;
  }

  of(owner: string, storageMb = DEFAULT_QUOTA_MB): Promise<ExtensionStore> {
    let store = this.#open.get(`${owner} ${storageMb}`);
    if (store === undefined) {
      store = this.#make(owner, storageMb * 1_048_576);
      this.#open.set(`${owner} ${storageMb}`, store);
    }
    return store;
  }

  /** Remove everything an extension stored. */
  async wipe(owner: string): Promise<void> {
    await this.ask("clear", { space: owner });
  }

  async #make(space: string, quota: number): Promise<ExtensionStore> {
    const { default: Keyv } = await import("keyv");
    const { ask } = this;
    const store = {
      capabilities: { expires: true },
      get: async (key: string) => (await ask("get", { space, key })) ?? undefined,
      set: (key: string, value: unknown, expires?: number) => ask("set", { space, key, value: String(value), expires, quota }),
      delete: (key: string) => ask("delete", { space, key }),
      clear: async () => void (await ask("clear", { space })),
      has: async (key: string) => (await ask("get", { space, key })) !== null,
    };
    const keyv = new Keyv({ store, useKeyPrefix: false } as never);
    // keyv throws when nobody listens to errors and answers with a fallback when somebody does: rethrow ourselves.
    let failure: unknown;
    keyv.on("error", (error: unknown) => {
      failure = error;
    });
    const run = async <T>(operation: () => Promise<T>): Promise<T> => {
      failure = undefined;
      const result = await operation();
      if (failure !== undefined) throw failure;
      return result;
    };
    const check = (key: unknown): string => {
      if (typeof key === "string" && key.length > 0 && key.length <= MAX_KEY) return key;
      throw errors.payload(space, "the store", `a key is a string of 1 to ${MAX_KEY} characters`);
    };
    return {
      get: async (key) => run(() => keyv.get(check(key))),
      set: async (key, value, ttlMs) => void (await run(() => keyv.set(check(key), value, ttlMs))),
      delete: async (key) => run(() => keyv.delete(check(key))),
      keys: async (prefix = "") => (await ask("keys", { space, prefix: String(prefix) })) as string[],
      clear: async () => run(() => keyv.clear()),
    };
  }
}
