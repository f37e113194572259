import { type Call, PlinthError } from "@plinth/sdk";

/** The owner, and nobody else had a hand in the words that say so: who is let in is not decided by what comes in. */
export function assertOwner({ work }: Pick<Call, "work">): void {
  const [influence] = work?.influences ?? [];
  if (work?.principal.role === "owner" && influence === undefined) return;
  const why =
    influence === undefined ? "This is the work of a guest or of an extension." : `${influence.party} had a hand in this (${influence.how}).`;
  throw new PlinthError("PLINTH_PERMISSION", `Only the owner of this host decides who may talk to it. ${why}`, {
    extension: "plinth.channels",
    next: "Run it in a shell: plinth channels pair",
  });
}
