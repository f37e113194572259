import type { Principal, ToolPlace, ToolRules } from "@plinth/sdk";

/** What the label `tools` of a turn's work holds, as JSON. */
interface Held {
  places: ToolPlace[];
  rules: ToolRules[];
}

interface Turn {
  readonly id: string;
  readonly sessionKey: string;
  readonly agent: string;
  readonly from: { surface?: string; sender?: string };
  readonly toolRules: readonly ToolRules[];
}

/** What a turn's work says of itself: what it is for, where it came from, and whose tools it has at most. */
export function scopeOf({ id: run, sessionKey: session, agent, from, toolRules }: Turn, { scope }: Pick<Principal, "scope">): Record<string, string> {
  const asker = askerOf(scope, run);
  const plain = { session, agent, run, ...from };
  return toolRules.length === 0 && asker.places.length === 0 ? plain : { ...plain, tools: held(asker, toolRules) };
}

/** A turn that another one asks for has no tool that is not there for that one. */
function askerOf(scope: Principal["scope"], own: string): Held {
  const { run, agent, session: sessionKey, surface, sender, tools } = scope ?? {};
  if (run === undefined || run === own) return { places: [], rules: [] };
  const { places, rules } = tools === undefined ? { places: [], rules: [] } : (JSON.parse(tools) as Held);
  const place = Object.fromEntries(Object.entries({ agent, sessionKey, surface, sender }).filter(([, value]) => value !== undefined));
  return { places: [...places, place], rules };
}

/** The same place is judged once, however long the chain of turns is. */
function held({ places, rules }: Held, own: readonly ToolRules[]): string {
  const once = <T>(all: readonly T[]): T[] => [...new Map(all.map((one) => [JSON.stringify(one), one])).values()];
  return JSON.stringify({ places: once(places), rules: once([...rules, ...own]) });
}
