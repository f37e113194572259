import type { ExtensionStore } from "@plinth/manifests/wire/bridge.ts";
import Keyv from "keyv";
import { errors } from "../errors.ts";
import { KvFile, SqliteKeyvAdapter } from "./sqlite.ts";

const DEFAULT_QUOTA_MB = 16;
const MAX_KEY = 512;

/** All extensions' stores: one namespace and quota each, in one file that is opened at first use. */
export class Stores {
  readonly #path: string;
  #file: Promise<KvFile> | null = null;
  readonly #open = new Map<string, Promise<ExtensionStore>>();

  constructor(path: string) {
    this.#path = path;
  }

  of(owner: string, storageMb = DEFAULT_QUOTA_MB): Promise<ExtensionStore> {
    let store = this.#open.get(owner);
    if (store === undefined) this.#open.set(owner, (store = this.#make(owner, storageMb * 1_048_576)));
    return store;
  }

  /** Remove everything an extension stored. */
  async wipe(owner: string): Promise<void> {
    await (await this.of(owner)).clear();
    this.#open.delete(owner);
  }

  async close(): Promise<void> {
    if (this.#file !== null) (await this.#file).close();
    this.#file = null;
    this.#open.clear();
  }

  async #make(owner: string, quota: number): Promise<ExtensionStore> {
    this.#file ??= import("node:sqlite").then(({ DatabaseSync }) => new KvFile(DatabaseSync, this.#path));
    const adapter = new SqliteKeyvAdapter(await this.#file, owner, quota);
    const keyv = new Keyv({ store: adapter, useKeyPrefix: false } as ConstructorParameters<typeof Keyv>[0]);
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
      throw errors.payload(owner, "the store", `a key is a string of 1 to ${MAX_KEY} characters`);
    };
    return {
      get: async (key) => run(() => keyv.get(check(key))),
      set: async (key, value, ttlMs) => {
        await run(() => keyv.set(check(key), value, ttlMs));
      },
      delete: async (key) => run(() => keyv.delete(check(key))),
      keys: async (prefix = "") => adapter.keys(String(prefix)),
      clear: async () => run(() => keyv.clear()),
    };
  }
}
