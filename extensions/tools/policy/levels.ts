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
    for (const [pattern, said] of Object.entries(config[name] ?? {}).sort(([a], [b]) => (a < b ? -1 : 1))) {
      if (says(said) && places.some((place) => meant(name, pattern, place))) levels.push({ ...only(said), level: `${ONE[name]} ${pattern}` });
    }
  }
  const further = rules.map((rule): Level => ({ ...only(rule), level: rule.level })).filter(says);
  return [...levels, ...further.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))];
}

/** Where it is not known who or what it is, what is said of all of them holds. */
function meant(name: (typeof NAMES)[number], pattern: string, { agent = "", sessionKey = "", surface = "", sender = "", ...place }: Known): boolean {
  if (name === "models") {
    const models = place.models ?? [place.model ?? ""];
    const fits = fitting(pattern);
    return models.some((model) => fits(model) || fits(model.split("/", 1)[0] as string));
  }
  return fitting(pattern)({ agents: agent, channels: surface, senders: `${surface}/${sender}`, sessions: sessionKey }[name]);
}

const says = ({ profile, allow, deny }: Said): boolean => profile !== undefined || allow !== undefined || deny !== undefined;

const only = ({ profile, allow, deny }: Said): Said => ({
  ...(profile === undefined ? {} : { profile }),
  ...(allow === undefined ? {} : { allow }),
  ...(deny === undefined ? {} : { deny }),
});
