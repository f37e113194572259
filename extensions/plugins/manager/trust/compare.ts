import { resolve } from "node:path";
import type { CheckpointDocument, Comparison } from "@plinth/registry";
import { type Context, PlinthError } from "@plinth/sdk";
import { readTextFile } from "../document-file.ts";
import type { Registries } from "../market/registries.ts";
import type { Operation } from "../operation.ts";
import { type Block, code, type Report } from "../report.ts";

/** Two hosts that were told the same can show it; two that were not can prove it to everybody. */
export function compare(_ctx: Context, registries: Registries): Operation {
  return {
    group: "trust",
    name: "compare",
    only: "shell",
    summary: "Print what this host saw of a registry's log, or compare it with what another host printed",
    access: "owner",
    args: [
      { name: "name", summary: "A registry, such as acme", required: true },
      { name: "file", summary: "What `trust compare` printed on another host; none prints this host's" },
    ],
    examples: ["compare acme", "compare acme checkpoint.json", "compare acme checkpoint.json --json"],
    async *run({ input, cwd, signal }): AsyncGenerator<string, CheckpointDocument | Comparison> {
      const client = await registries.named(String(input.name));
      if (typeof input.file !== "string") return client.checkpoint({ signal });
      const file = resolve(cwd, input.file);
      const text = await readTextFile(file, "PLINTH_CHECKPOINT_INVALID");
      yield "Comparing …";
      return client.compare(documentOf(text, file), { signal });
    },
    report: (result: CheckpointDocument | Comparison): Report =>
      "plinthCheckpoint" in result ? { blocks: [], verbatim: `${JSON.stringify(result, null, 2)}\n` } : comparisonOf(result),
  };
}

const WORDS: Record<Exclude<Comparison["is"], "fork">, string> = {
  same: "Both hosts saw the same log.",
  "ours-newer": "The other host saw the beginning of what this host sees: the same log, earlier.",
  "ours-older": "This host sees the beginning of what the other host saw: the same log, earlier.",
  unproven:
    "It cannot be told from here: the registry does not show this host what it takes. Compare on the other host as well, with what `plinth trust compare` prints here.",
};

function comparisonOf({ registry, is, ours, theirs, remembered }: Comparison): Report {
  const facts: [string, string][] = [
    ["Here", `${ours.size} events, ${ours.root}`],
    ["There", `${theirs.size} events, ${theirs.root}`],
  ];
  if (is !== "fork") return { blocks: [{ text: WORDS[is] }, { facts }], ...(is === "unproven" ? { exit: 1 } : {}) };
  const blocks: Block[] = [
    { text: `The registry ${code(registry)} told the two hosts different histories, and signed both.` },
    { facts },
    {
      text: remembered
        ? `Nothing of it is believed here any more. The proof for others: \`plinth trust show ${registry} --json\``
        : "One of them is signed by a key that the registry has taken away since: a thief of that key may have made it. Nothing was changed here.",
    },
  ];
  return { blocks, exit: 1 };
}

function documentOf(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new PlinthError("PLINTH_CHECKPOINT_INVALID", `${file} is not JSON.`, {
      next: "Have it made anew on the other host: plinth trust compare NAME",
    });
  }
}
