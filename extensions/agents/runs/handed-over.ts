import { type ModelMessage, PlinthError, partsFor, partsFrom } from "@plinth/sdk";
import type { Harness } from "./harness-content.ts";
import type { Route } from "./route.ts";
import type { Submission } from "./submission.ts";

/** What a turn's harness is handed, as `modelHistory` gives it. How long it is, is its sender's choice. */
type Shown = { messages: ModelMessage[]; parties: Set<string>; ids: []; long: false };

/**
 * A conversation that came with its message, as the model is shown it: what stands in it is the sender's word, so it has no
 * opaque parts, no notes of origin, and no result that is not from outside.
 */
export function handedOver(history: readonly ModelMessage[], { content = [], said = false }: Pick<Submission, "content" | "said">): Shown {
  const messages = history.map(
    ({ role, content }): ModelMessage => ({ role, content: partsFor(partsFrom(content, "outside"), undefined).map(outside) }),
  );
  if (said || messages.at(-1)?.role !== "tool") messages.push({ role: "user", content: [...content] });
  const results = messages.some(({ content }) => content.some(({ type }) => type === "tool-result"));
  return { messages, parties: new Set(results ? ["outside"] : []), ids: [], long: false };
}

/**
 * The conversation with what `message.received` made of the text. Where that text stands for results, whoever rewrote it
 * rewrote all that the model may see of them.
 */
export function rewritten({ history, said, text: typed }: Submission, text: string): Pick<Submission, "history"> {
  const last = history?.at(-1);
  if (history === undefined || last?.role !== "tool" || said === true || text === typed) return {};
  const content = last.content.map((part) => (part.type === "tool-result" ? { ...part, content: [{ type: "text" as const, text }] } : part));
  return { history: [...history.slice(0, -1), { ...last, content }] };
}

/** What a harness is handed of what was asked for besides the message. */
export function askedOf({ kind, options, tools }: Submission, { handsOut, maker }: Harness): Pick<Submission, "kind" | "options" | "tools"> {
  if (tools !== undefined && tools.length > 0 && !handsOut) {
    throw new PlinthError("PLINTH_HARNESS_TOOLS", `The harness ${maker} takes no tools of whoever asks.`, {
      next: "Leave the tools out, or choose an agent with another harness.",
    });
  }
  const where = kind === undefined ? {} : { kind };
  if (!handsOut) return where;
  return { ...where, ...(options === undefined ? {} : { options }), ...(tools === undefined ? {} : { tools }) };
}

/** What a harness is handed of the agent. One that has tools of its own would not keep to those that the agent may have. */
export function agentFor({ agent, workspace, thinking, fallbacks, tools }: Route, { ownsTools, maker }: Harness) {
  if (tools !== undefined && ownsTools) {
    throw new PlinthError("PLINTH_HARNESS_TOOLS", `The harness ${maker} has tools of its own, and the agent ${agent} may not have every tool.`, {
      next: "Choose another harness for the agent, or take away what its configuration says of tools.",
    });
  }
  return {
    ...{ agent, workspace },
    ...(thinking === undefined ? {} : { thinking }),
    ...(fallbacks === undefined ? {} : { fallbacks }),
  };
}

const outside = (part: ModelMessage["content"][number]): ModelMessage["content"][number] =>
  part.type === "tool-result" ? { ...part, from: "outside" } : part;
