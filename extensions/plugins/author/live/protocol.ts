/** What a live host is asked, one message each over the channel between it and its parent. */
export type LiveRequest =
  | { op: "install"; dir: string; source: string; tier?: string }
  | { op: "uninstall"; id: string }
  | { op: "call"; contract: string; id: string; method: string; input: unknown }
  | { op: "say"; text: string };

/** What it says: any number of items, then exactly one done or failed. */
export type LiveAnswer =
  | { type: "ready" }
  | { call: number; type: "item"; item: unknown }
  | { call: number; type: "done"; result: unknown }
  | { call: number; type: "failed"; error: { code: string; message: string; extension?: string; next?: string } };

export interface Installed {
  id: string;
  version: string;
  tier: string;
  generation: number;
}
