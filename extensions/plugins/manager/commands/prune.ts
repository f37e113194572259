import type { Context } from "@plinth/sdk";
import type { Installation } from "../installation.ts";
import type { Operation } from "../operation.ts";
import { type Block, code } from "../report.ts";
import { readWorld, unneededIn } from "../world.ts";

interface Pruned {
  removed: number;
  kept: number;
  /** Installed, came along with something, and nobody needs them any more. */
  unneeded: string[];
}

export function prune(ctx: Context, { previous }: Installation): Operation {
  return {
    name: "prune",
    summary: "Remove kept packages that nobody can go back to, and name what nobody needs",
    access: "owner",
    options: { all: { type: "boolean", summary: "Remove every earlier version: nothing can be rolled back afterwards" } },
    examples: ["prune", "prune --all"],
    async *run({ input }): AsyncGenerator<string, Pruned> {
      const world = await readWorld(ctx);
      yield "Looking through the store …";
      const pruned = await previous.prune(world.installed, input.all === true);
      return { ...pruned, unneeded: unneededIn(world) };
    },
    report({ removed, kept, unneeded }: Pruned) {
      const blocks: Block[] = [{ text: `Removed ${count(removed)}; ${count(kept)} stay for going back.` }];
      if (unneeded.length > 0) blocks.push({ text: `Nobody needs ${unneeded.map(code).join(", ")} any more: uninstall what you do not want.` });
      return { blocks };
    },
  };
}

function count(packages: number): string {
  return packages === 1 ? "1 kept package" : `${packages} kept packages`;
}
