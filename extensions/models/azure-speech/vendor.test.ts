import { describeConformance, modelVendorConformance } from "@plinth/sdk/testing";
import { describe, it } from "vitest";
import manifest from "./plinth.json" with { type: "json" };

describeConformance({ describe, it }, "the data of Azure Speech", modelVendorConformance, { manifest: manifest as never, id: "azure-speech" });
