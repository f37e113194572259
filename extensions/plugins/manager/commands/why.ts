import type { Context } from "@plinth/sdk";
import type { Operation } from "../operation.ts";
import { type Block, code, safe } from "../report.ts";
import { readWorld, settingsIn } from "../world.ts";

interface Why {
  id: string;
  version?: string;
  source?: string;
  pinnedBy?: string;
  reason?: string;
  /** A version or range that the configuration holds it to. */
  pin?: string;
  /** Who needs it: `acme.a 1.0.0 needs it at ^1`. */
  neededBy: { id: string; version: string; range: string }[];
  /** Contracts and slots, and everything else that the host decided about it. */
  reasons: string[];
}

export function why(ctx: Context): Operation {
  return {
    name: "why",
    summary: "Show why an extension is here: who asked, who needs it, what it fills",
    access: "anyone",
    args: [{ name: "id", summary: "Such as demo.dice", required: true }],
    examples: ["why demo.dice"],
    async *run({ input, signal }): AsyncGenerator<string, Why> {
      const id = String(input.id);
      const { reasons } = await ctx.use("plinth.host").one().explain({ id }, { signal });
      const { installed, config, bundled } = await readWorld(ctx);
      const found = installed.get(id);
      const all = [...[...installed.values()].map(({ manifest }) => manifest), ...bundled.values()];
      const neededBy = all.flatMap((one) => {
        const range = one.extensions?.[id];
        return range === undefined ? [] : [{ id: one.id, version: one.version, range }];
      });
      const pin = settingsIn(config, id).version;
      const lock = found?.lock;
      return {
        id,
        ...(lock === undefined ? {} : { version: lock.version, source: lock.source, pinnedBy: lock.pinnedBy, reason: lock.reason }),
        ...(pin === undefined ? {} : { pin }),
        neededBy: neededBy.sort((a, b) => (a.id < b.id ? -1 : 1)),
        reasons,
      };
    },
    report({ id, version, source, pinnedBy, reason, pin, neededBy, reasons }: Why) {
      const facts: [string, string][] = [];
      if (pinnedBy !== undefined) facts.push(["Here because", WHO[pinnedBy] ?? String(reason)]);
      if (source !== undefined) facts.push(["Source", source]);
      facts.push(["Pinned to", pin === undefined ? "nothing: updates may move it" : `${pin}, in the configuration`]);
      const blocks: Block[] = [{ text: `${code(id)}${version === undefined ? "" : ` ${safe(version)}`}` }];
      if (version !== undefined) blocks.push({ facts });
      blocks.push({ title: "Needed by" });
      blocks.push({ items: neededBy.length > 0 ? neededBy.map((one) => `${one.id} ${one.version}, which takes ${one.range}`) : ["nobody"] });
      if (reasons.length > 0) blocks.push({ title: "What the host decided" }, { items: reasons });
      return { blocks };
    },
  };
}

const WHO: { [pinnedBy: string]: string } = {
  operator: "somebody asked for it",
  catalog: "a catalogue names it",
  resolver: "it came along",
};
