import { type Call, type InteractionRequest, PlinthError, type Provider, visible } from "@plinth/sdk";
import type { Interactions } from "./interactions.ts";
import { factsOf, outcome } from "./words.ts";

type Run = Provider<"plinth.chat-command">["run"];

/** `/approvals`, `/approve` and `/deny`, by capability id. */
export function chatCommands(interactions: Interactions, now: () => number): Record<"approvals" | "approve" | "deny", Run> {
  const answer = async (id: string, option: string, call: Call) => {
    const { request } = await interactions.find(id);
    const { answer } = await interactions.answer({ id, option, digest: request.digest }, call);
    return { text: `${line(request.action.summary)}: ${line(outcome(answer))}.` };
  };
  return {
    async *approvals({ args }, call) {
      if (args !== "") throw usage("/approvals takes no arguments.");
      const { requests } = interactions.pending({}, call);
      if (requests.length === 0) yield { text: "Nothing waits for your answer." };
      for (const request of requests) yield { text: described(request, now()) };
    },

    async *approve({ args }, call) {
      const [id, option = "once", ...rest] = words(args);
      if (id === undefined || rest.length > 0 || option === "deny") throw usage("Type /approve ID [once|session|always].");
      yield await answer(id, option, call);
    },

    async *deny({ args }, call) {
      const [id, ...rest] = words(args);
      if (id === undefined || rest.length > 0) throw usage("Type /deny ID.");
      yield await answer(id, "deny", call);
    },
  };
}

function described(request: InteractionRequest, now: number): string {
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

function usage(message: string): PlinthError {
  return new PlinthError("PLINTH_USAGE", message, { next: "`/approvals` shows what waits for your answer, with its ids." });
}
