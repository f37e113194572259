import type { PlinthError } from "../../extension/errors.ts";
import { failure } from "./failure.ts";
import { wellFormed } from "./well-formed.ts";

const MAX_QUOTED = 4_096;

/**
 * The arguments of a call from their text: an object, or the text of one inside a text, as some servers send it. Nothing, and
 * `null`, are none. undefined: they cannot be read.
 */
export function argumentsOf(text: string): Record<string, unknown> | undefined {
  if (text.trim() === "") return {};
  let value: unknown;
  try {
    value = JSON.parse(text);
    if (typeof value === "string") value = value.trim() === "" ? null : JSON.parse(value);
  } catch {
    return undefined;
  }
  if (value === null) return {};
  return typeof value === "object" && !Array.isArray(value) ? (wellFormed(value) as Record<string, unknown>) : undefined;
}

/**
 * The failure of an answer with a call whose arguments cannot be read. It was made, and not by halves: `details.call` has its id,
 * its name and the text of its arguments, so that the model can be told and mend it.
 */
export function unreadableCall(title: string, { id, name }: { id: string; name: string }, text: string): PlinthError {
  const call = { id, name, arguments: text.slice(0, MAX_QUOTED) };
  return failure("STREAM", `${title} called the tool ${JSON.stringify(name.slice(0, 64))} with arguments that are not a JSON object.`, {
    details: { call },
  });
}
