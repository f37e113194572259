import { describeConformance, modelVendorConformance } from "@plinth/sdk/testing";
import { describe, it } from "vitest";
import manifest from "./plinth.json" with { type: "json" };

describeConformance({ describe, it }, "Gradium's data", modelVendorConformance, { manifest: manifest as never, id: "gradium" });
