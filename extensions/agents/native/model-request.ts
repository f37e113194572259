import type { ModelMessage, ModelOptions, ModelTool } from "@plinth/sdk";

/** What one model call asks. */
export interface ModelRequest {
  system: string;
  messages: ModelMessage[];
  tools: ModelTool[];
  toolChoice?: ModelOptions["toolChoice"];
}
