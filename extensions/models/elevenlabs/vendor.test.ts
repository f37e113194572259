import { describeConformance, modelVendorConformance } from "@plinth/sdk/testing";
import { describe, it } from "vitest";
import manifest from "./plinth.json" with { type: "json" };

describeConformance({ describe, it }, "ElevenLabs' data", modelVendorConformance, { manifest: manifest as never, id: "elevenlabs" });
