/** How many requests a client may make in a time; see the draft of the HTTPAPI group, draft-ietf-httpapi-ratelimit-headers. */
export interface Quota {
  requests: number;
  seconds: number;
}

/** Kinds of requests with a quota each. `wrong-token` counts what failed to authenticate, and holds up nothing else. */
export type Policy = "read" | "search" | "write" | "report" | "wrong-token";

/** A client with a token has `byToken` times the quota of an address. */
export interface RateLimitOptions {
  policies: Record<Policy, Quota>;
  byToken: number;
}

export const RATE_LIMITS: RateLimitOptions = {
  policies: {
    read: { requests: 6_000, seconds: 60 },
    search: { requests: 300, seconds: 60 },
    write: { requests: 120, seconds: 60 },
    report: { requests: 10, seconds: 3_600 },
    "wrong-token": { requests: 30, seconds: 60 },
  },
  byToken: 4,
};

export interface Verdict {
  allowed: boolean;
  remaining: number;
  /** Seconds until the window begins anew. */
  reset: number;
  quota: Quota;
}

interface Window {
  used: number;
  endsAt: number;
}

/** Too many requests. */
export class Limited extends Error {
  readonly policy: Policy;
  readonly seconds: number;

  constructor(policy: Policy, seconds: number) {
    super("too many requests");
    this.policy = policy;
    this.seconds = seconds;
  }
}

const CAPACITY = 65_536;

/** Counts requests by client and policy in fixed windows. The oldest window falls out of a full map. */
export class RateLimits {
  readonly #options: RateLimitOptions;
  readonly #now: () => number;
  readonly #windows = new Map<string, Window>();

  constructor(options: RateLimitOptions, now: () => number = Date.now) {
    this.#options = options;
    this.#now = now;
  }

  /** Take one from the client's quota. */
  take(policy: Policy, client: string, byToken: boolean): Verdict {
    const verdict = this.look(policy, client, byToken);
    this.#windows.get(`${policy} ${client}`)!.used += 1;
    return { ...verdict, remaining: Math.max(0, verdict.remaining - 1) };
  }

  /** Whether there is anything left, without taking. */
  look(policy: Policy, client: string, byToken: boolean): Verdict {
    const { requests, seconds } = this.#options.policies[policy];
    const quota = { requests: byToken ? requests * this.#options.byToken : requests, seconds };
    const key = `${policy} ${client}`;
    const now = this.#now();
    let window = this.#windows.get(key);
    if (window === undefined || window.endsAt <= now) {
      window = { used: 0, endsAt: now + seconds * 1_000 };
      this.#windows.delete(key);
      this.#windows.set(key, window);
      if (this.#windows.size > CAPACITY) this.#windows.delete(this.#windows.keys().next().value!);
    }
    const remaining = Math.max(0, quota.requests - window.used);
    return { allowed: remaining > 0, remaining, reset: Math.max(1, Math.ceil((window.endsAt - now) / 1_000)), quota };
  }

  get size(): number {
    return this.#windows.size;
  }
}

/** The standard fields, as structured fields (RFC 9651): names and values in turn. */
export function rateLimitHeaders(policy: Policy, { remaining, reset, quota }: Verdict): readonly string[] {
  return ["RateLimit-Policy", `"${policy}";q=${quota.requests};w=${quota.seconds}`, "RateLimit", `"${policy}";r=${remaining};t=${reset}`];
}
