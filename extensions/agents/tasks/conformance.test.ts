import { createTestHost, describeConformance, tasksConformance } from "@plinth/sdk/testing";
import { describe, it } from "vitest";
import extension from "./index.ts";
import manifest from "./plinth.json" with { type: "json" };

describeConformance({ describe, it }, "the ledger of tasks", tasksConformance, {
  open: async () => {
    const host = await createTestHost({ extensions: [{ manifest, extension }] });
    return { subject: host.use("plinth.tasks").one(), close: () => host.close() };
  },
});
