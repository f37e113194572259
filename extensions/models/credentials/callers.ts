import { type Call, isProduct, PlinthError } from "@plinth/sdk";

/** Names, ends and failures of credentials are for the product alone. */
export function productOnly({ caller }: Call): void {
  if (!isProduct(caller)) throw refused(caller, "see credentials", "Ask for an answer: plinth.models chooses one itself.");
}

/** Who asks vendors on everybody's behalf. */
export function modelsOnly({ caller }: Call): void {
  if (caller !== "plinth.models" && caller !== "host") throw refused(caller, "steer which credential is used", "Use plinth.models.");
}

/** The owner's own word, through the product: neither a turn that others had a hand in, nor an extension of theirs. */
export function ownerOnly({ caller, work }: Call): void {
  if (isProduct(caller) && work?.principal.role === "owner" && work.influences.length === 0) return;
  throw refused(caller, "change credentials: only the owner's own word may", "Run it in a shell: plinth models auth --help");
}

const refused = (caller: string, what: string, next: string): PlinthError =>
  new PlinthError("PLINTH_PERMISSION", `${caller} may not ${what}.`, { extension: caller, next });
