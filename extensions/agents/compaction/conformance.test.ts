import { compactorConformance, createTestHost, describeConformance } from "@plinth/sdk/testing";
import { describe, it } from "vitest";
import extension from "./index.ts";
import manifest from "./plinth.json" with { type: "json" };

describeConformance({ describe, it }, "the product's own compactor", compactorConformance, {
  open: async () => {
    const host = await createTestHost({ extensions: [{ manifest, extension }] });
    return { subject: host.use("plinth.compactor").get("summary"), close: () => host.close() };
  },
});
