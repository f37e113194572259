import type { Credential } from "@plinth/sdk";
import type { Found, Profile } from "./profile.ts";

/** The last moment that a Date can hold. */
const LAST = 8.64e15;

/** What happened with one, as it is kept. */
export interface Usage {
  readonly usedAt?: number;
  /** Failures in a row. */
  readonly failures?: number;
  /** Not before then. */
  readonly until?: number;
  readonly why?: "cooldown" | "disabled";
  /** Models for which it may not be used before then: rates are counted for each. */
  readonly models?: Readonly<Record<string, { readonly until: number; readonly why: "cooldown" | "no-model"; readonly failures: number }>>;
}

export interface Asked {
  readonly now: number;
  readonly model?: string | undefined;
  readonly agent?: string | undefined;
  /** The order that is set; undefined: the automatic one. */
  readonly order?: readonly string[] | undefined;
}

export interface Verdict {
  readonly reason: Credential["reason"];
  readonly until?: number;
}

/**
 * Whether one can be used, and why not: the only place where that is decided, for lists, for choosing, for the state of a
 * vendor and for the doctor.
 */
export function eligible(profile: Profile, found: Found, usage: Usage, { now, model, agent, order }: Asked): Verdict {
  if (profile.kind === "oauth" && "secret" in profile.from) return { reason: "invalid" };
  if (order !== undefined && !order.includes(profile.id)) return { reason: "left-out" };
  if (profile.agent !== undefined && profile.agent !== agent) return { reason: "not-for-agent" };
  const ends = profile.expiresAt === undefined ? found.expiresAt : profile.expiresAt;
  if (ends !== undefined && !isMoment(ends)) return { reason: "invalid" };
  if (found.fenced === true && (!isMoment(ends) || ends <= now)) return { reason: "sign-in" };
  if (!found.there && ("secret" in profile.from || "chain" in profile.from)) return { reason: "missing" };
  if (!found.there) return { reason: profile.kind === "oauth" ? "sign-in" : "unresolved" };
  if (isMoment(ends) && ends <= now && found.renewable !== true) return { reason: profile.kind === "oauth" ? "sign-in" : "expired" };
  if (usage.until !== undefined && usage.until > now) return { reason: usage.why ?? "cooldown", until: usage.until };
  const own = model === undefined || usage.models === undefined || !Object.hasOwn(usage.models, model) ? undefined : usage.models[model];
  if (own !== undefined && own.until > now) return { reason: own.why, until: own.until };
  return { reason: "ok" };
}

const isMoment = (value: unknown): value is number => typeof value === "number" && Number.isFinite(value) && value > 0 && value <= LAST;

/** What an order leaves out stands last. */
const placeIn = (order: readonly string[], id: string): number => (order.includes(id) ? order.indexOf(id) : order.length);

const KINDS: readonly Credential["kind"][] = ["oauth", "token", "key", "aws", "none"];

/**
 * The order of those that can be used: the set one; else an agent's own first, then by kind, then the one that rested longest.
 * A session stays with its own, and a pinned one goes before all.
 */
export function inOrder<T extends { readonly profile: Profile; readonly usage: Usage }>(
  all: readonly T[],
  by: { order?: readonly string[] | undefined; sticky?: string | undefined; pinned?: string | undefined; agent?: string | undefined },
): T[] {
  const { order, sticky, pinned, agent } = by;
  const place = ({ profile }: T): number => (profile.id === pinned ? 0 : profile.id === sticky ? 1 : 2);
  return [...all].sort((a, b) => {
    const first = place(a) - place(b);
    if (first !== 0) return first;
    if (order !== undefined) return placeIn(order, a.profile.id) - placeIn(order, b.profile.id);
    const own =
      Number(b.profile.agent !== undefined && b.profile.agent === agent) - Number(a.profile.agent !== undefined && a.profile.agent === agent);
    if (own !== 0) return own;
    // What somebody added goes before what happens to be set.
    const added = Number(a.profile.given === true) - Number(b.profile.given === true);
    if (added !== 0) return added;
    return KINDS.indexOf(a.profile.kind) - KINDS.indexOf(b.profile.kind) || (a.usage.usedAt ?? 0) - (b.usage.usedAt ?? 0);
  });
}
