import { type Call, type Client, PlinthError } from "@plinth/sdk";
import { audit, cancelByWord } from "./audit.ts";
import type { Ledger } from "./ledger.ts";
import type { Status } from "./task.ts";
import { viewerOf } from "./viewer.ts";
import { changeLine, factsOf, findingLine, lineOf, shown } from "./words.ts";

type Run = Client<"plinth.cli-command">["run"];
type Input = Parameters<Run>[0];
type TerminalItem = ReturnType<Run> extends AsyncIterable<infer Item> ? Item : never;
export type Verb = "list" | "show" | "cancel" | "audit";

const STATUSES: readonly Status[] = ["queued", "running", "waiting", "done", "failed", "cancelled", "lost"];
const LIVE: readonly Status[] = ["queued", "running", "waiting"];

/** `plinth tasks …`, by its second word. */
export async function* shell(verb: Verb, ledger: Ledger, keepDays: number, { args, options }: Input, call: Call): AsyncGenerator<TerminalItem> {
  const viewer = viewerOf(call);
  const now = ledger.now();
  const id = typeof args.id === "string" ? args.id : "";
  switch (verb) {
    case "list": {
      const status = statusesOf(options.status);
      const session = typeof options.session === "string" ? { sessionKey: options.session } : {};
      const { tasks, next } = await ledger.list({ limit: limitOf(options.limit), ...(status === undefined ? {} : { status }), ...session }, viewer);
      if (tasks.length === 0) yield { out: status === undefined ? "There are no tasks.\n" : "There are no such tasks.\n" };
      for (const task of tasks) yield { out: `${lineOf(task, now)}\n` };
      if (next !== undefined) yield { out: "There are more: say how many with --limit N.\n" };
      return yield { result: { tasks, ...(next === undefined ? {} : { next }) } };
    }
    case "show": {
      const { task, changes } = await ledger.get({ id }, viewer);
      const facts = factsOf(task, now).map(([name, value]) => `  ${name.padEnd(13)} ${value}`);
      yield {
        out: `${[`${shown(task.title)} [${shown(task.id, 256)}]`, ...facts, "", ...changes.map((one) => `  ${changeLine(one)}`)].join("\n")}\n`,
      };
      return yield { result: { task, changes } };
    }
    case "cancel": {
      const why = typeof options.why === "string" ? { why: options.why.slice(0, 200) } : {};
      const { asked } = await cancelByWord(ledger, { id, ...why }, viewer);
      const { task } = await ledger.get({ id }, viewer);
      const what = task.status === "cancelled" ? "is cancelled" : "is to be cancelled, with all that it began";
      yield { out: asked ? `${shown(id, 256)} ${what}.\n` : `${shown(id, 256)} is over: ${task.status}.\n` };
      return yield { result: { asked, task } };
    }
    case "audit": {
      const { findings } = await audit(ledger, keepDays, viewer);
      yield { out: findings.length === 0 ? "Nothing is wrong with the tasks.\n" : `${findings.map(findingLine).join("\n")}\n` };
      yield { result: { findings } };
      if (findings.some(({ severity }) => severity === "error")) yield { exit: 1 };
    }
  }
}

function statusesOf(value: unknown): Status[] | undefined {
  if (value === undefined) return undefined;
  if (value === "live") return [...LIVE];
  const status = STATUSES.find((one) => one === value);
  if (status !== undefined) return [status];
  throw new PlinthError("PLINTH_USAGE", `--status is one of live, ${STATUSES.join(", ")}.`, { next: "plinth tasks list --status live" });
}

function limitOf(value: unknown): number {
  const limit = value === undefined ? 50 : Number(value);
  if (Number.isInteger(limit) && limit >= 1 && limit <= 1_000) return limit;
  throw new PlinthError("PLINTH_USAGE", "--limit is no number from 1 to 1000.", { next: "Give a number, such as --limit 20." });
}
