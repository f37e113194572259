import { isProduct as isOfProduct, type MessageOrigin, type Work } from "@plinth/sdk";

/** Kept by whoever is nobody: a recovery after a crash. */
export const SYSTEM: MessageOrigin = { by: "system" };

/** Whose words an entry holds: what the host says of the work that stores it, whatever stands in the entry. */
export function originOf(work: Work | undefined): MessageOrigin {
  if (work === undefined) return SYSTEM;
  const { principal, influences } = work;
  return { by: principal.role, via: principal.via, ...(influences.length === 0 ? {} : { influences: influences.map((one) => ({ ...one })) }) };
}

/** Absent where an entry is older than origins, or damaged. */
export function parseOrigin(json: string | null): MessageOrigin | undefined {
  if (json === null) return undefined;
  try {
    const value = JSON.parse(json) as MessageOrigin | null;
    return typeof value?.by === "string" ? value : undefined;
  } catch {
    return undefined;
  }
}

/** A run that another publisher's extension names is its own: it is nobody else's, whatever that is called. */
export const ownRun = <T extends { runId?: string }>(input: T, caller: string): T =>
  input.runId === undefined || isProduct(caller) ? input : { ...input, runId: `${caller}/${input.runId}` };

/** The product's own extensions, and its host: packages from outside have another publisher. */
export const isProduct = (caller: string | undefined): boolean => caller === undefined || isOfProduct(caller);
