export interface BackoffRules {
  readonly firstMs: number;
  readonly mostMs: number;
  /** How far a pause may lie from its length, as a share of it: hosts that lost one server do not all come back at once. */
  readonly jitter: number;
}

export const BACKOFF: BackoffRules = Object.freeze({ firstMs: 1_000, mostMs: 300_000, jitter: 0.3 });

/** The pause before try number `attempt` (the first is 1), in milliseconds. @param random from 0 to below 1. */
export function backoffMs(attempt: number, random: number, { firstMs, mostMs, jitter }: BackoffRules = BACKOFF): number {
  const doubled = Math.min(mostMs, firstMs * 2 ** Math.min(Math.max(0, attempt - 1), 40));
  return Math.round(Math.min(mostMs, doubled * (1 - jitter + 2 * jitter * random)));
}

/** What a failed send means: try again after a while, give up, or leave it as it is because it may have arrived. */
export type SendOutcome = { readonly do: "retry"; readonly afterMs: number } | { readonly do: "fail" } | { readonly do: "unknown" };

const PERMANENT = /^PLINTH_CHANNEL_(BLOCKED|WINDOW|TOO_LARGE|UNSUPPORTED|GONE)$|^PLINTH_(UNSUPPORTED|PAYLOAD|PERMISSION|UNDECLARED)$/;
/** These say that nothing was sent. */
const NOT_SENT = /^PLINTH_CHANNEL_(DOWN|RATE|AUTH)$|^PLINTH_(CAPABILITY_MISSING|BREAKER_OPEN|QUARANTINED|QUOTA|STOPPING)$/;

export interface SendRules extends BackoffRules {
  /** After so many tries it has failed. */
  readonly tries: number;
}

export const SENDING: SendRules = Object.freeze({ firstMs: 1_000, mostMs: 60_000, jitter: 0.3, tries: 12 });

/** @param idempotent the channel knows a key that it has sent before. */
export function sendOutcome(
  failure: { code: string; retryAfterMs?: number | undefined },
  attempt: number,
  idempotent: boolean,
  random: number,
  rules: SendRules = SENDING,
): SendOutcome {
  if (PERMANENT.test(failure.code)) return { do: "fail" };
  if (!NOT_SENT.test(failure.code) && !idempotent) return { do: "unknown" };
  if (attempt >= rules.tries) return { do: "fail" };
  const asked = failure.retryAfterMs ?? 0;
  return { do: "retry", afterMs: Math.max(Math.min(asked, 3_600_000), backoffMs(attempt, random, rules)) };
}

/** How long to wait before the next message where `perSecond` are allowed and the last one went out at `last`. */
export function paceMs(last: number | undefined, perSecond: number | undefined, now: number): number {
  if (last === undefined || perSecond === undefined) return 0;
  return Math.max(0, Math.ceil(last + 1_000 / perSecond - now));
}
