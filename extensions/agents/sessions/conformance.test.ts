import { cp } from "node:fs/promises";
import { join } from "node:path";
import { createTestHost, describeConformance, sessionStoreConformance, wholeSessionStoreConformance } from "@plinth/sdk/testing";
import { describe, it } from "vitest";
import extension from "./index.ts";
import manifest from "./plinth.json" with { type: "json" };

const start = () => createTestHost({ extensions: [{ manifest, extension }] });

const open = async () => {
  const host = await start();
  return { store: host.use("plinth.session-store").one(), close: () => host.close() };
};

describeConformance({ describe, it }, "the SQLite session store, as a whole,", wholeSessionStoreConformance, { open });

describeConformance({ describe, it }, "the SQLite session store", sessionStoreConformance, {
  open,
  openDurable: async () => {
    const hosts = [await start()];
    return {
      store: hosts[0]!.use("plinth.session-store").one(),
      // The files as they are at this moment, without a goodbye, are what a dead process leaves.
      crash: async () => {
        const next = await start();
        hosts.push(next);
        await cp(join(hosts[0]!.home, "state"), join(next.home, "state"), { recursive: true });
        return next.use("plinth.session-store").one();
      },
      close: () => Promise.all(hosts.map((host) => host.close())),
    };
  },
});
