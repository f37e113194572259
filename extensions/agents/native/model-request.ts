import type { ModelMessage, ModelOptions, ModelTool } from "@plinth/sdk";
import type { System } from "./system.ts";

/** What one model call asks. */
export interface ModelRequest {
  system: System;
  messages: ModelMessage[];
  tools: ModelTool[];
  toolChoice?: ModelOptions["toolChoice"];
}
