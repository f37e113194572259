import { type Call, type Client, type InteractionRequest, isProduct, PlinthError } from "@plinth/sdk";
import type { AskedQuestion } from "./question.ts";

type Caller = Pick<Call, "caller" | "work">;

/** Who asks, other than the product: `acme.weather`, `mcp:github`. Approvals are the product's, whoever has a hand in them. */
export const partyOf = (request: InteractionRequest): string | undefined =>
  request.kind === "approval" || isProduct(request.from) ? undefined : request.from;

type Asked = Parameters<Client<"plinth.interaction">["ask"]>[0];

/** Only the product asks whether something may be done, takes a question back, and speaks in the name of others. */
export function assertAsker({ caller }: Pick<Call, "caller">): void {
  if (!isProduct(caller)) throw forbidden(`${caller} may not ask the owner, nor take a question back.`, caller);
}

/** Whose question it is, and in which turn. Another publisher's extension asks for itself, within a turn that it works for. */
export function asQuestion(asked: Exclude<Asked, { kind: "approval" }>, { caller, work }: Caller): { asked: AskedQuestion; from: string } {
  if (isProduct(caller)) return { asked, from: asked.from ?? caller };
  if (asked.kind === "secret") throw forbidden(`${caller} may not ask the owner for a secret.`, caller);
  const { session, run } = work?.principal.scope ?? {};
  if (session === undefined || run === undefined) throw forbidden(`${caller} may ask the owner within a turn only.`, caller);
  const { tool: _, agent: __, ...own } = asked;
  return { asked: { ...own, sessionKey: session, runId: run.slice(0, 64) }, from: caller };
}

/**
 * Whoever sees or answers is the owner, as a surface of the product has proven it, and nobody else had a hand in the
 * words that say so: being called in an owner's work makes no extension the owner.
 */
export function assertOwner({ caller, work }: Caller): void {
  if (!isProduct(caller)) throw forbidden(`${caller} may neither see nor answer what the owner is asked.`, caller);
  const { role, via = "" } = work?.principal ?? {};
  if (role !== "owner") throw forbidden("Only the owner of this host may see and answer what is asked.");
  // An identity that an extension has proven begins with its id.
  const prover = via.includes(":") ? via.slice(0, via.indexOf(":")) : "host";
  if (!isProduct(prover)) throw forbidden(`${prover} cannot answer for the owner.`, prover);
  const [influence] = work?.influences ?? [];
  if (influence !== undefined) throw forbidden(`${influence.party} had a hand in this (${influence.how}), so it does not count as the owner's word.`);
}

function forbidden(message: string, extension?: string): PlinthError {
  return new PlinthError("PLINTH_INTERACTION_FORBIDDEN", message, {
    next: "The owner answers on the page, in a conversation of the product's own surfaces, or with `plinth approvals` and `plinth questions`.",
    ...(extension === undefined ? {} : { extension }),
  });
}
