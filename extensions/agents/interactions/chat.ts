import { type Call, type InteractionQuestion, type InteractionRequest, PlinthError, type Provider, visible } from "@plinth/sdk";
import type { Interactions } from "./interactions.ts";
import { answerOf } from "./question.ts";
import { isOf, type Sort } from "./sort.ts";
import { factsOf, outcome, waysOf } from "./words.ts";

type Run = Provider<"plinth.chat-command">["run"];
type Said = Parameters<Interactions["answer"]>[0];

/** `/approvals`, `/approve`, `/questions`, `/answer` and `/deny`, by capability id. */
export function chatCommands(interactions: Interactions, now: () => number): Record<"approvals" | "approve" | "questions" | "answer" | "deny", Run> {
  const answer = async (request: InteractionRequest, said: Omit<Said, "id" | "digest">, call: Call) => {
    const { answer } = await interactions.answer({ id: request.id, digest: request.digest, ...said }, call);
    const what = request.kind === "approval" ? request.action.summary : `${request.from} asks: ${request.message.slice(0, 200)}`;
    return { text: `${line(what)}: ${line(outcome(request, answer))}.` };
  };
  const list = (sort: Sort): Run =>
    async function* ({ args }, call) {
      if (args !== "") throw usage(`/${sort} takes no arguments.`, sort);
      const requests = interactions.pending({}, call).requests.filter((request) => isOf(sort, request));
      if (requests.length === 0) yield { text: "Nothing waits for your answer." };
      for (const request of requests) yield { text: request.kind === "approval" ? described(request, now()) : questionText(request, now()) };
    };
  return {
    approvals: list("approvals"),
    questions: list("questions"),

    async *approve({ args }, call) {
      const [id, option = "once", ...rest] = words(args);
      if (id === undefined || rest.length > 0 || option === "deny") throw usage("Type /approve ID [once|session|always].", "approvals");
      const { request } = await interactions.find(id);
      if (request.kind !== "approval") throw usage(`${id} is a question: answer it with /answer.`, "questions");
      yield await answer(request, { option }, call);
    },

    async *answer({ args, sessionKey }, call) {
      const { question, rest } = asked(interactions.pending({}, call).requests, args, sessionKey);
      if (rest.length === 0) throw usage(`Type ${waysOf(question, `/answer ${question.id}`)}.`, "questions");
      // What is typed into a conversation is read by more than whoever asked.
      if (question.kind === "secret") throw usage("A secret is not typed into a conversation. Answer it on the page.", "questions");
      yield await answer(question, answerOf(question, rest), call);
    },

    async *deny({ args }, call) {
      const [id, ...rest] = words(args);
      if (id === undefined || rest.length > 0) throw usage("Type /deny ID.", "approvals");
      const { request } = await interactions.find(id);
      yield await answer(request, request.kind === "approval" ? { option: "deny" } : { decline: true }, call);
    },
  };
}

/** The question that is meant: by its id, else the only one that waits in this conversation. */
function asked(pending: InteractionRequest[], args: string, sessionKey: string): { question: InteractionQuestion; rest: string[] } {
  const questions = pending.filter((request): request is InteractionQuestion => request.kind !== "approval");
  const [first, ...rest] = words(args);
  const named = questions.find(({ id }) => id === first);
  if (named !== undefined) return { question: named, rest };
  const here = questions.filter((one) => one.sessionKey === sessionKey);
  const [only] = here;
  if (here.length === 1 && only !== undefined) return { question: only, rest: words(args) };
  throw usage(
    here.length === 0 ? "No question waits in this conversation." : "More than one question waits here: say which, with /answer ID.",
    "questions",
  );
}

function questionText(request: InteractionQuestion, now: number): string {
  const facts = factsOf(request, now).map(([name, value]) =>
    value
      .split("\n")
      .map((one, at) => (at === 0 ? `- ${name}: ${line(one)}` : `  ${line(one)}`))
      .join("\n"),
  );
  return `**${line(request.title)}**\n\n${facts.join("\n")}\n\nAnswer with \`${waysOf(request, `/answer ${request.id}`)}\`, or \`/deny ${request.id}\``;
}

function described(request: Extract<InteractionRequest, { kind: "approval" }>, now: number): string {
  const { id, title, options } = request;
  const facts = factsOf(request, now).map(([name, value]) =>
    name === "Arguments" || name === "Command"
      ? `${name}:\n\n${fenced(value)}`
      : value
          .split("\n")
          .map((one) => `- ${name}: ${line(one)}`)
          .join("\n"),
  );
  const ways = options.map((option) => `\`${option.id === "deny" ? `/deny ${id}` : `/approve ${id} ${option.id}`}\` (${line(option.label)})`);
  return `**${line(title)}**\n\n${facts.join("\n\n")}\n\nAnswer with ${ways.join(", ")}`;
}

/** One line in which nothing is markup. */
function line(text: string): string {
  return visible(text)
    .replaceAll("[", "(")
    .replaceAll("]", ")")
    .replaceAll("<", "‹")
    .replaceAll(">", "›")
    .replaceAll("`", "'")
    .replace(/[*_~#|\\]/g, "\\$&");
}

/** A block of code that its own text cannot end. */
function fenced(text: string): string {
  const longest = Math.max(2, ...Array.from(text.matchAll(/`+/g), ([run]) => run.length));
  const fence = "`".repeat(longest + 1);
  return `${fence}\n${text}\n${fence}`;
}

const words = (args: string): string[] => args.split(/\s+/).filter((word) => word !== "");

function usage(message: string, sort: Sort): PlinthError {
  return new PlinthError("PLINTH_USAGE", message, { next: `\`/${sort}\` shows what waits for your answer, with its ids.` });
}
