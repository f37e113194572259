import type { Client, Store } from "@plinth/sdk";
import { createTestHost, describeConformance, sessionStoreConformance } from "@plinth/sdk/testing";
import { describe, it } from "vitest";
import manifest from "../plinth.json" with { type: "json" };
import extension from "../src/index.ts";
import { sessionStore } from "../src/session-store.ts";

/** What is left when a process dies: the values that were written. */
function memory(): Store {
  const values = new Map<string, unknown>();
  return {
    get: async (key) => structuredClone(values.get(key)) as never,
    set: async (key, value) => void values.set(key, structuredClone(value)),
    delete: async (key) => values.delete(key),
    keys: async (prefix = "") => [...values.keys()].filter((key) => key.startsWith(prefix)).sort(),
    clear: async () => values.clear(),
  };
}

describeConformance({ describe, it }, "__NAME__", sessionStoreConformance, {
  open: async () => {
    const host = await createTestHost({ extensions: [{ manifest, extension }] });
    return { store: host.use("plinth.session-store").get("__NAME__"), close: () => host.close() };
  },
  openDurable: async () => {
    const values = memory();
    const start = () => sessionStore(values, Date) as unknown as Client<"plinth.session-store">;
    return { store: start(), crash: async () => start() };
  },
});
