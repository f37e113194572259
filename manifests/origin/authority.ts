import type { Influence } from "./origin.ts";

/** What a call can do to the world. */
export const EFFECTS = ["read", "write", "net", "exec", "send", "spend", "administer"] as const;
export type Effect = (typeof EFFECTS)[number];

/** How far a party is trusted for one effect: the owner, whoever the owner granted it to, everybody else. */
export const LEVELS = ["owner", "granted", "untrusted"] as const;
export type Level = (typeof LEVELS)[number];

/** run: at once. ask: an owner is asked first. */
export type Verdict = "run" | "ask";

/**
 * What a turn may do by itself. The rows are the level of the least trusted party that shaped it; the documentation's
 * table is generated from this one.
 */
export const AUTHORITY: Readonly<Record<Level, Readonly<Record<Effect, Verdict>>>> = {
  owner: { read: "run", write: "run", net: "run", exec: "run", send: "run", spend: "run", administer: "run" },
  granted: { read: "run", write: "run", net: "run", exec: "run", send: "run", spend: "run", administer: "ask" },
  untrusted: { read: "run", write: "run", net: "run", exec: "ask", send: "ask", spend: "ask", administer: "ask" },
};

/** What the table's columns mean, for people. */
export const EFFECT_WORDS: Readonly<Record<Effect, string>> = {
  read: "read files of the workspace and what the agent may see",
  write: "write files in the workspace (the previous bytes are kept)",
  net: "fetch from the network",
  exec: "run commands on this machine",
  send: "send to other people",
  spend: "spend money",
  administer: "install, configure and change the host",
};

/** Says whether an owner granted `effect` to `party` where this work is done. */
export type Granted = (party: string, effect: Effect) => boolean;

export interface Decision {
  readonly verdict: Verdict;
  /** The effects that have to be asked for, the gravest last. */
  readonly effects: readonly Effect[];
  /** Those who make it necessary. */
  readonly parties: readonly Influence[];
}

const RUN: Decision = Object.freeze({ verdict: "run", effects: [], parties: [] });

/**
 * Work has the authority of the least trusted party that shaped it, effect by effect. Unknown effects are the gravest.
 *
 * @param always effects that are asked for whoever had a hand in them, and whatever was granted.
 */
export function decide(influences: readonly Influence[], effects: readonly string[], granted: Granted, always: readonly Effect[] = []): Decision {
  const asked = new Set<Effect>();
  const parties = new Set<Influence>();
  const known = new Set(effects.map((one) => ((EFFECTS as readonly string[]).includes(one) ? (one as Effect) : "administer")));
  for (const effect of EFFECTS) {
    if (!known.has(effect)) continue;
    if (AUTHORITY.owner[effect] === "ask" || always.includes(effect)) asked.add(effect);
    for (const influence of influences) {
      if (!always.includes(effect) && AUTHORITY[granted(influence.party, effect) ? "granted" : "untrusted"][effect] === "run") continue;
      asked.add(effect);
      parties.add(influence);
    }
  }
  return asked.size === 0 ? RUN : { verdict: "ask", effects: EFFECTS.filter((one) => asked.has(one)), parties: [...parties] };
}
