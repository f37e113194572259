import { createHash } from "node:crypto";
import { isThirdParty } from "./suggestions.ts";

const hex = (text: string, length: number): string => createHash("sha256").update(text).digest("hex").slice(0, length);

/**
 * The id of a run that `caller` names `given`. What another publisher's extension names has an id of its own, of 59
 * characters and the same each time: it can take none that somebody else will use, such as that of a message still to come.
 */
export function runIdOf(caller: string, given: string): string {
  if (!isThirdParty(caller) || caller === "host") return given;
  const tag = `x-${hex(caller, 16)}-`;
  // The turn told it, and it is said back.
  return given.startsWith(tag) ? given : tag + hex(JSON.stringify([caller, given]), 40);
}
