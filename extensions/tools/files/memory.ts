import type { Call, Context, Influence } from "@plinth/sdk";
import type { Hands } from "./hands.ts";
import { PreviousBytes } from "./previous.ts";

/** What the tools remember of files: whose hands were in them, and what stood there before others had one in a write. */
export interface Memory {
  readonly hands: Hands;
  /** Who had a hand in the work that calls now. */
  readonly influences: readonly Influence[];
  readonly sessionKey: string;
  previous(): PreviousBytes;
}

export function memories(ctx: Context, hands: Hands): (sessionKey: string | undefined, call: Call) => Memory {
  // Also who comes and goes between two reads.
  ctx.hooks.on("generation.ready", async () => void (await hands.writers.note()));
  let previous: PreviousBytes | undefined;
  return (sessionKey = "none", { work }) => ({
    hands,
    influences: work?.influences ?? [],
    sessionKey,
    previous: () => (previous ??= new PreviousBytes(ctx.dataDir, () => ctx.clock.now())),
  });
}
