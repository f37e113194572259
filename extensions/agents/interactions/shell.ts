import { type Call, type Client, type InteractionAnswer, type InteractionRequest, PlinthError } from "@plinth/sdk";
import { assertOwner } from "./callers.ts";
import type { Interactions } from "./interactions.ts";
import { factsOf, headline, outcome } from "./words.ts";

type Run = Client<"plinth.cli-command">["run"];
type Input = Parameters<Run>[0];
type TerminalItem = ReturnType<Run> extends AsyncIterable<infer Item> ? Item : never;
type Command = (input: Input, call: Call) => AsyncIterable<TerminalItem>;

/** `plinth approvals …`, by capability id. */
export function shellCommands(interactions: Interactions, now: () => number): Record<string, Command> {
  return {
    async *"approvals.list"({ terminal }, call) {
      const { requests } = interactions.pending({}, call);
      if (requests.length === 0)
        yield { out: `Nothing waits for an answer.${terminal.local ? " (No gateway runs; what a gateway asks, it answers.)" : ""}\n` };
      for (const request of requests) yield { out: `${request.id}  ${headline(request)}\n` };
      if (requests.length > 0)
        yield { out: "\nLook at one: plinth approvals show ID. Answer it: plinth approvals answer ID once|session|always|deny\n" };
      yield { result: { requests } };
    },

    async *"approvals.show"({ args, terminal }, call) {
      assertOwner(call);
      const { request, answer } = await interactions.find(word(args.id));
      yield { out: described(request, answer, terminal, now()) };
      yield { result: { request, answer: answer ?? null } };
    },

    async *"approvals.answer"({ args, options }, call) {
      assertOwner(call);
      const [id, option] = [word(args.id), word(args.option)];
      const { request } = await interactions.find(id);
      const digest = typeof options.digest === "string" ? options.digest : request.digest;
      const { answer } = await interactions.answer({ id, option, digest }, call);
      yield { out: `${id} is ${outcome(answer)}.\n` };
      yield { result: { id, answer } };
    },

    async *"approvals.history"({ options }, call) {
      const { entries } = await interactions.history({ limit: limitOf(options.limit), ...beforeOf(options.before) }, call);
      if (entries.length === 0) yield { out: "Nothing was asked yet.\n" };
      for (const { request, answer } of entries) yield { out: `${request.id}  ${headline(request)}\n        ${outcome(answer)}\n` };
      yield { result: { entries } };
    },
  };
}

function described(request: InteractionRequest, answer: InteractionAnswer | undefined, { color }: Input["terminal"], now: number): string {
  const bold = (text: string): string => (color ? `\u001b[1m${text}\u001b[22m` : text);
  const facts = factsOf(request, now).filter(([name]) => answer === undefined || name !== "Expires");
  const lines = facts.map(([name, value]) => `  ${name.padEnd(14)}${value.replaceAll("\n", `\n${" ".repeat(16)}`)}`);
  const ways = request.options.map(({ id, label }) => `  plinth approvals answer ${request.id} ${id.padEnd(8)}  ${label}`);
  const end = answer === undefined ? ["", ...ways] : [`  ${"Outcome".padEnd(14)}${outcome(answer)}`];
  return `${[bold(`${request.title} [${request.id}]`), ...lines, ...end].join("\n")}\n`;
}

const word = (value: unknown): string => (typeof value === "string" ? value : "");

function limitOf(value: unknown): number {
  const limit = value === undefined ? 50 : Number(value);
  if (Number.isInteger(limit) && limit >= 1 && limit <= 1_000) return limit;
  throw new PlinthError("PLINTH_USAGE", "--limit is no number from 1 to 1000.", { next: "Give a number, such as --limit 20." });
}

function beforeOf(value: unknown): { before?: number } {
  if (value === undefined) return {};
  const before = /^\d{4}-\d\d-\d\d/.test(String(value)) ? Date.parse(String(value)) : Number.NaN;
  if (!Number.isNaN(before)) return { before };
  throw new PlinthError("PLINTH_USAGE", "--before is no date.", { next: "Give one such as 2026-01-31 or 2026-01-31T12:00." });
}
