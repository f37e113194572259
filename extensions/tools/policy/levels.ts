import type { ToolPlace, ToolRules } from "@plinth/sdk";
import { fitting } from "./patterns.ts";

/** What the configuration says in one place. */
export interface Said {
  profile?: string;
  allow?: readonly string[];
  deny?: readonly string[];
}

export interface Config extends Said {
  agents?: Record<string, Said>;
  models?: Record<string, Said>;
  channels?: Record<string, Said>;
  senders?: Record<string, Said>;
  sessions?: Record<string, Said>;
  optional?: readonly string[];
}

export type Level = Said & Pick<ToolRules, "level">;

/** A place with the models that are really meant; undefined: nobody asked, or nobody knows. */
export type Known = ToolPlace & { models?: readonly string[] };

const NAMES = ["agents", "models", "channels", "senders", "sessions"] as const;
const ONE: Readonly<Record<(typeof NAMES)[number], string>> = {
  agents: "agent",
  models: "model",
  channels: "channel",
  senders: "sender",
  sessions: "session",
};

/** All that holds in these places, each once, from the house to the conversation, and by name within. */
export function levelsOf(config: Config, places: readonly Known[], rules: readonly ToolRules[]): Level[] {
  const levels: Level[] = says(config) ? [{ ...only(config), level: "house" }] : [];
  for (const name of NAMES) {
    const said = config[name] ?? {};
    const meant = new Set(places.flatMap((place) => textsOf(name, place).flatMap((texts) => nearest(Object.keys(said), texts) ?? [])));
    for (const pattern of [...meant].sort()) {
      const one = said[pattern] as Said;
      if (says(one)) levels.push({ ...only(one), level: `${ONE[name]} ${pattern}` });
    }
  }
  const further = rules.map((rule): Level => ({ ...only(rule), level: rule.level })).filter(says);
  return [...levels, ...further.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))];
}

/** What is looked up, for each one that is meant. Where it is not known who or what it is, what is said of all of them holds. */
function textsOf(name: (typeof NAMES)[number], { agent = "", sessionKey = "", surface = "", sender = "", ...place }: Known): string[][] {
  if (name === "models") return (place.models ?? [place.model ?? ""]).map((model) => [model, model.split("/", 1)[0] as string]);
  return [[{ agents: agent, channels: surface, senders: `${surface}/${sender}`, sessions: sessionKey }[name]]];
}

/** Of those that fit, the one that says most exactly who is meant: somebody can be named beside what holds for the rest. */
function nearest(patterns: readonly string[], texts: readonly string[]): string | undefined {
  const fits = patterns.filter((pattern) => texts.some(fitting(pattern)));
  const exact = (pattern: string): number => (pattern.includes("*") ? pattern.replaceAll("*", "").length : Number.POSITIVE_INFINITY);
  const longer = (a: string, b: string): number => (a.length === b.length ? (a < b ? -1 : 1) : b.length - a.length);
  return fits.sort((a, b) => (exact(a) === exact(b) ? longer(a, b) : exact(b) - exact(a)))[0];
}

const says = ({ profile, allow, deny }: Said): boolean => profile !== undefined || allow !== undefined || deny !== undefined;

const only = ({ profile, allow, deny }: Said): Said => ({
  ...(profile === undefined ? {} : { profile }),
  ...(allow === undefined ? {} : { allow }),
  ...(deny === undefined ? {} : { deny }),
});
