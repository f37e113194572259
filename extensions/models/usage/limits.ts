import type { SpendingState } from "@plinth/sdk";
import { type Ledger, type Scope, scopesOf, type Whose } from "./ledger.ts";

export interface Limit {
  readonly usd?: number;
  readonly tokens?: number;
}

export interface Limits {
  readonly turn?: Limit;
  readonly session?: Limit;
  readonly day?: Limit;
  /** By agent, in one day. */
  readonly agents?: Readonly<Record<string, Limit>>;
}

/** One limit as it stands for a call. */
export interface Standing {
  readonly scope: Scope;
  /** By which its sum is kept. */
  readonly key: string;
  readonly limit: Limit;
  readonly state: SpendingState;
}

export const hasLimits = ({ turn, session, day, agents = {} }: Limits): boolean =>
  [turn, session, day, ...Object.values(agents)].some((limit) => limit !== undefined);

/** The limits that hold for whoever asks, from the narrowest on. */
export function standing(
  ledger: Pick<Ledger, "spent">,
  limits: Limits,
  whose: Pick<Whose, "session" | "agent"> & { run: string | undefined },
  day: string,
): Standing[] {
  const { run = "", agent } = whose;
  return scopesOf({ ...whose, run }, day).flatMap(([scope, key]) => {
    const limit = scope === "agent" ? ownOf(limits.agents, agent) : limits[scope];
    if (limit === undefined || (scope === "turn" && run === "")) return [];
    const { usd, tokens, free } = ledger.spent(scope, key) ?? { usd: 0, tokens: 0, free: { usd: 0, tokens: 0 } };
    const state: SpendingState = {
      scope,
      of: scope === "agent" ? (agent ?? "") : key,
      ...(limit.usd === undefined ? {} : { usd: { limit: free.usd + limit.usd, spent: usd } }),
      ...(limit.tokens === undefined ? {} : { tokens: { limit: free.tokens + limit.tokens, spent: tokens } }),
    };
    return [{ scope, key, limit, state }];
  });
}

/** Whether a call that will take at least so much would pass it; null: none of it, whatever it takes. */
export function passes({ state }: Standing, least: { usd: number | null; tokens: number }): boolean {
  const over = (of: "usd" | "tokens"): boolean => {
    const [held, more] = [state[of], least[of]];
    return held !== undefined && more !== null && (held.spent >= held.limit || held.spent + more > held.limit);
  };
  return over("usd") || over("tokens");
}

const ownOf = (agents: Limits["agents"], agent: string | undefined): Limit | undefined =>
  agents !== undefined && agent !== undefined && Object.hasOwn(agents, agent) ? agents[agent] : undefined;
