import { type Client, type InteractionRequest, PlinthError } from "@plinth/sdk";
import { MAX_VALUES } from "./question.ts";

export type Given = Parameters<Client<"plinth.interaction">["answer"]>[0];

export interface Answered {
  answer: "chosen" | "declined";
  option?: string;
  values?: Record<string, unknown>;
}

/** What somebody's answer comes to, where it is one to exactly what is asked. What was filled in is not looked into. */
export function given(request: InteractionRequest, { id, option, values, decline, digest }: Given): Answered {
  if (digest !== request.digest) throw changed(id, request);
  if (decline === true) return { answer: "declined" };
  if (option !== undefined && values === undefined) {
    if (!request.options.some((one) => one.id === option)) throw notOffered(request, option);
    const isNo = (request.kind === "approval" && option === "deny") || (request.kind === "confirm" && option === "no");
    return { answer: isNo ? "declined" : "chosen", option };
  }
  if (request.kind === "approval" || request.options.length > 0 || values === undefined) throw notOffered(request, option ?? "");
  const known = new Set(request.fields.map(({ name }) => name));
  const stranger = Object.keys(values).find((name) => !known.has(name));
  if (stranger !== undefined) throw misfit(request, [{ path: `/${stranger}`, message: "is not asked for" }]);
  if (JSON.stringify(values).length > MAX_VALUES) throw misfit(request, [{ path: "", message: `takes more than ${MAX_VALUES} characters` }]);
  return { answer: "chosen", values };
}

export function misfit({ id, kind }: InteractionRequest, problems: readonly { path: string; message: string }[]): PlinthError {
  const list = problems.slice(0, 8).map(({ path, message }) => `${path.replace(/^\//, "").slice(0, 128) || "the answer"} ${message.slice(0, 200)}`);
  return new PlinthError("PLINTH_INTERACTION_VALUES", `This does not fit: ${list.join("; ")}.`, {
    next: `${id} still waits. Look at what it asks for: plinth ${kind === "approval" ? "approvals" : "questions"} show ${id}`,
    // Which fields, never what was in them.
    details: { fields: problems.slice(0, 8).map(({ path }) => path.slice(0, 128)) },
  });
}

function changed(id: string, { kind }: InteractionRequest): PlinthError {
  return new PlinthError("PLINTH_INTERACTION_CHANGED", `What was shown to you under ${id} is not what is asked.`, {
    next: `Look at it again before you answer: plinth ${kind === "approval" ? "approvals" : "questions"} show ID`,
  });
}

function notOffered(request: InteractionRequest, option: string): PlinthError {
  const offers = request.options.map((one) => one.id);
  const fields = request.kind === "approval" ? [] : request.fields.map(({ name }) => name);
  return new PlinthError("PLINTH_INTERACTION_OPTION", `${request.id} cannot be answered with ${JSON.stringify(option.slice(0, 20))}.`, {
    next: offers.length > 0 ? `It offers: ${offers.join(", ")}.` : `It wants values for: ${fields.join(", ")}.`,
  });
}
