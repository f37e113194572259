import { createHash, randomBytes } from "node:crypto";
import {
  type Client,
  canonicalJson,
  type InteractionAction,
  type InteractionApproval,
  type InteractionOption,
  PlinthError,
  visible,
} from "@plinth/sdk";

export type AskedApproval = Extract<Parameters<Client<"plinth.interaction">["ask"]>[0], { kind: "approval" }>;

/** What is asked has to be shown whole, and kept. */
const MAX_ACTION = 262_144;
const DENY: InteractionOption = { id: "deny", label: "Deny", style: "danger" };
/** Without letters and digits that are taken for one another. */
const LETTERS = "abcdefghjkmnpqrstuvwxyz23456789";

/** sha256 over everything that is shown of the action. An answer with another one was given to something else. */
export const digestOf = (action: InteractionAction): string => createHash("sha256").update(canonicalJson(action)).digest("hex");

/** The request as everybody sees it from now on. What holds it together is checked here, once. */
export function requestOf(asked: AskedApproval, askedBy: string, now: number, expiryMs: number): InteractionApproval {
  const { expiresAt, title, why, influencedBy, options, ...rest } = asked;
  const text = canonicalJson(asked.action);
  if (text.length > MAX_ACTION) {
    throw invalid(
      `The action takes ${text.length.toLocaleString("en")} characters, which is more than a person can be shown.`,
      "Do it in smaller steps.",
    );
  }
  if (digestOf(asked.action) !== asked.digest) throw invalid("The digest is not that of the action.", "Take it over the action as it is asked.");
  if (new Set(options.map(({ id }) => id)).size !== options.length) throw invalid("An option is offered twice.", "Offer each once.");
  return {
    ...rest,
    title: visible(title, { max: 200 }),
    why: visible(why, { max: 1_000 }),
    influencedBy: influencedBy.map(({ party, how }) => ({ party: visible(party, { max: 256 }), how: visible(how, { max: 500 }) })),
    options: [...options.filter(({ id }) => id !== "deny"), options.find(({ id }) => id === "deny") ?? DENY].map((option) => ({
      ...option,
      label: visible(option.label, { max: 80 }),
    })),
    id: newId(),
    askedBy,
    askedAt: now,
    expiresAt: Math.max(now, Math.min(expiresAt ?? Number.POSITIVE_INFINITY, now + expiryMs)),
  };
}

export function newId(): string {
  return Array.from(randomBytes(6), (byte) => LETTERS[byte % LETTERS.length]).join("");
}

function invalid(message: string, next: string): PlinthError {
  return new PlinthError("PLINTH_INTERACTION_INVALID", message, { next });
}
