import { type Call, type Client, type InteractionAnswer, type InteractionRequest, PlinthError } from "@plinth/sdk";
import { assertOwner } from "./callers.ts";
import type { Given } from "./given.ts";
import type { Interactions } from "./interactions.ts";
import { answerOf } from "./question.ts";
import { isOf, type Sort } from "./sort.ts";
import { factsOf, headline, outcome, waysOf } from "./words.ts";

type Run = Client<"plinth.cli-command">["run"];
type Input = Parameters<Run>[0];
type TerminalItem = ReturnType<Run> extends AsyncIterable<infer Item> ? Item : never;
type Command = (input: Input, call: Call) => AsyncIterable<TerminalItem>;

/** `plinth approvals …` and `plinth questions …`, by capability id. */
export function shellCommands(interactions: Interactions, now: () => number): Record<string, Command> {
  return {
    ...commandsOf("approvals", interactions, now),
    ...commandsOf("questions", interactions, now),

    async *"approvals.answer"({ args, options }, call) {
      assertOwner(call);
      const { request } = await interactions.find(word(args.id));
      if (request.kind !== "approval") throw elsewhere(request);
      yield* answered(interactions, request, { option: word(args.option), ...digestIn(options) }, call);
    },

    async *"questions.answer"({ args, options }, call) {
      assertOwner(call);
      const { request } = await interactions.find(word(args.id));
      if (request.kind === "approval") throw elsewhere(request);
      const words = Array.isArray(args.reply) ? args.reply.map(String) : args.reply === undefined ? [] : [word(args.reply)];
      if (options.decline === true) return yield* answered(interactions, request, { decline: true, ...digestIn(options) }, call);
      // A shell keeps what is typed, and others see it among what runs.
      if (request.kind === "secret") throw usage(`${request.id} asks for a secret.`, "Answer it on the page, where it is not shown.");
      if (words.length === 0) throw usage(`${request.id} has no answer yet.`, `Type ${waysOf(request, `plinth questions answer ${request.id}`)}`);
      yield* answered(interactions, request, { ...answerOf(request, words), ...digestIn(options) }, call);
    },
  };
}

function commandsOf(sort: Sort, interactions: Interactions, now: () => number): Record<string, Command> {
  const ways =
    sort === "approvals"
      ? "Look at one: plinth approvals show ID. Answer it: plinth approvals answer ID once|session|always|deny"
      : "Look at one: plinth questions show ID. It says how to answer it.";
  return {
    async *[`${sort}.list`]({ terminal }, call) {
      const requests = interactions.pending({}, call).requests.filter((request) => isOf(sort, request));
      if (requests.length === 0)
        yield { out: `Nothing waits for an answer.${terminal.local ? " (No gateway runs; what a gateway asks, it answers.)" : ""}\n` };
      for (const request of requests) yield { out: `${request.id}  ${headline(request)}\n` };
      if (requests.length > 0) yield { out: `\n${ways}\n` };
      yield { result: { requests } };
    },

    async *[`${sort}.show`]({ args, terminal }, call) {
      assertOwner(call);
      const { request, answer } = await interactions.find(word(args.id));
      yield { out: described(request, answer, terminal, now()) };
      yield { result: { request, answer: answer ?? null } };
    },

    async *[`${sort}.history`]({ options }, call) {
      const { entries } = await interactions.history({ limit: limitOf(options.limit), ...beforeOf(options.before), sort }, call);
      if (entries.length === 0) yield { out: "Nothing was asked yet.\n" };
      for (const { request, answer } of entries) yield { out: `${request.id}  ${headline(request)}\n        ${outcome(request, answer)}\n` };
      yield { result: { entries } };
    },
  };
}

async function* answered(
  interactions: Interactions,
  request: InteractionRequest,
  said: Omit<Given, "id" | "digest"> & { digest?: string },
  call: Call,
): AsyncGenerator<TerminalItem> {
  const { answer } = await interactions.answer({ id: request.id, digest: request.digest, ...said }, call);
  yield { out: `${request.id} is ${outcome(request, answer)}.\n` };
  yield { result: { id: request.id, answer } };
}

const digestIn = ({ digest }: Input["options"]): { digest?: string } => (typeof digest === "string" ? { digest } : {});

function described(request: InteractionRequest, answer: InteractionAnswer | undefined, { color }: Input["terminal"], now: number): string {
  const bold = (text: string): string => (color ? `\u001b[1m${text}\u001b[22m` : text);
  const facts = factsOf(request, now).filter(([name]) => answer === undefined || name !== "Expires");
  const lines = facts.map(([name, value]) => `  ${name.padEnd(14)}${value.replaceAll("\n", `\n${" ".repeat(16)}`)}`);
  const end = answer === undefined ? ["", ...answersTo(request)] : [`  ${"Outcome".padEnd(14)}${outcome(request, answer)}`];
  return `${[bold(`${request.title} [${request.id}]`), ...lines, ...end].join("\n")}\n`;
}

function answersTo(request: InteractionRequest): string[] {
  if (request.kind === "approval") return request.options.map(({ id, label }) => `  plinth approvals answer ${request.id} ${id.padEnd(8)}  ${label}`);
  const start = `plinth questions answer ${request.id}`;
  return [request.kind === "secret" ? "  Answer it on the page, where it is not shown." : `  ${waysOf(request, start)}`, `  ${start} --decline`];
}

const elsewhere = ({ id, kind }: InteractionRequest): PlinthError =>
  usage(
    `${id} is ${kind === "approval" ? "no question" : "a question"}.`,
    `Type plinth ${kind === "approval" ? "approvals" : "questions"} show ${id}`,
  );

const usage = (message: string, next: string): PlinthError => new PlinthError("PLINTH_USAGE", message, { next });

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
