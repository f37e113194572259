import { type Call, PlinthError } from "@plinth/sdk";

type Caller = Pick<Call, "caller" | "work">;

/** Packages from outside have another publisher: the host refuses to install one that calls itself the product's. */
const isOurs = (id: string): boolean => id === "host" || id.startsWith("plinth.");

/** Only the product asks in its own voice. Third parties are asked about; they do not ask. */
export function assertAsker({ caller }: Caller): void {
  if (!isOurs(caller)) throw forbidden(`${caller} may not ask the owner, nor take a question back.`, caller);
}

/**
 * Whoever sees or answers is the owner, as a surface of the product has proven it, and nobody else had a hand in the
 * words that say so: being called in an owner's work makes no extension the owner.
 */
export function assertOwner({ caller, work }: Caller): void {
  if (!isOurs(caller)) throw forbidden(`${caller} may neither see nor answer what the owner is asked.`, caller);
  const { role, via = "" } = work?.principal ?? {};
  if (role !== "owner") throw forbidden("Only the owner of this host may see and answer what is asked.");
  // An identity that an extension has proven begins with its id.
  const prover = via.includes(":") ? via.slice(0, via.indexOf(":")) : "host";
  if (!isOurs(prover)) throw forbidden(`${prover} cannot answer for the owner.`, prover);
  const [influence] = work?.influences ?? [];
  if (influence !== undefined) throw forbidden(`${influence.party} had a hand in this (${influence.how}), so it does not count as the owner's word.`);
}

function forbidden(message: string, extension?: string): PlinthError {
  return new PlinthError("PLINTH_INTERACTION_FORBIDDEN", message, {
    next: "The owner answers on the page, in a conversation of the product's own surfaces, or with `plinth approvals answer`.",
    ...(extension === undefined ? {} : { extension }),
  });
}
