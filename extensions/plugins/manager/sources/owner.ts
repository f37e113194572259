import { type Call, PlinthError } from "@plinth/sdk";

/** Fetching reads this machine's files and writes to a folder: only work of the owner may make it happen. */
export function ownersOnly(call: Call): void {
  if (call.work?.principal.role === "owner") return;
  throw new PlinthError("PLINTH_NOT_OWNER", "Only the owner of this host may fetch extensions.", { next: "Ask the owner to do it." });
}
