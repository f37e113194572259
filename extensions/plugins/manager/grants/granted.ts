import { type Context, PlinthError } from "@plinth/sdk";
import type { Grant } from "./grant.ts";

export interface Granted {
  id: string;
  grant: Grant;
}

/** The grant of an installed extension; says why there is none. */
export async function granted(ctx: Context, id: string, signal: AbortSignal): Promise<Granted> {
  const { status, grant } = await ctx.use("plinth.host").one().describe({ id }, { signal });
  if (grant !== undefined) return { id, grant: grant as Grant };
  if (status.bundled) {
    throw new PlinthError("PLINTH_BUNDLED", `${id} belongs to the product and needs no grant.`, {
      extension: id,
      next: `Disable it if it should not run: plinth plugins disable ${id}`,
    });
  }
  throw new PlinthError("PLINTH_CONSENT_NEEDED", `Nothing is granted to ${id}.`, {
    extension: id,
    next: `Consent to it: plinth plugins install ${id}`,
  });
}
