import { type Context, errorInfo } from "@plinth/sdk";
import type { GrantsDocument } from "./document.ts";
import { endOf, type Grant, placeOf } from "./grant.ts";

export interface ImportPlan {
  /** `lifts`: a limit of the grant that is in force here and that the imported one does not have. */
  accepted: { id: string; grant: Grant; lifts?: string }[];
  skipped: { id: string; why: string }[];
}

/** Which grants of an export fit what is installed here. The host checks again when they are put in force. */
export async function planImport(ctx: Context, { grants }: GrantsDocument, signal: AbortSignal): Promise<ImportPlan> {
  const plan: ImportPlan = { accepted: [], skipped: [] };
  for (const [id, grant] of Object.entries(grants)) {
    const verdict = await judge(ctx, id, grant, signal);
    if (typeof verdict === "string") plan.skipped.push({ id, why: verdict });
    else plan.accepted.push({ id, ...verdict });
  }
  return plan;
}

/** Why it is left out, or the grant as it would hold here. */
async function judge(ctx: Context, id: string, grant: Grant, signal: AbortSignal): Promise<string | { grant: Grant; lifts?: string }> {
  const now = ctx.clock.now();
  try {
    const { status, dir, grant: told } = await ctx.use("plinth.host").one().describe({ id }, { signal });
    if (status.bundled || dir === undefined) return "it belongs to the product and needs no grant";
    const candidate = await ctx.use("plinth.host-admin").one().inspect({ dir }, { signal });
    if (candidate.digest !== grant.digest) return `other bytes are installed here, version ${candidate.version}`;
    if (candidate.consent.hash !== grant.consent) return "the consent was for other permissions";
    if (grant.expiresAt !== undefined && grant.expiresAt <= now) return `it ${endOf(grant, now)}`;
    // The words are made anew: those in the file are only words.
    const mine: Grant = { ...grant, asks: candidate.consent.asks };
    const lifts = liftedBy(mine, told as Grant | undefined, now);
    return { grant: mine, ...(lifts === undefined ? {} : { lifts }) };
  } catch (thrown) {
    const { code, message } = errorInfo(thrown);
    return code === "PLINTH_NOT_INSTALLED" ? "it is not installed here" : `${code}: ${message}`;
  }
}

function liftedBy(grant: Grant, current: Grant | undefined, now: number): string | undefined {
  if (current === undefined) return undefined;
  const lifted = [];
  const isNarrower = Object.entries(current.scope ?? {}).some(([label, value]) => grant.scope?.[label] !== value);
  if (isNarrower) lifted.push(placeOf(current));
  if (current.expiresAt !== undefined && (grant.expiresAt ?? Number.POSITIVE_INFINITY) > current.expiresAt) lifted.push(endOf(current, now));
  return lifted.length > 0 ? lifted.join(", ") : undefined;
}
