import type { ModelInfo, ModelRequest } from "@plinth/sdk";

/** From the least to the most. Models have levels of their own names besides. */
export const LEVELS = ["off", "minimal", "low", "medium", "high", "xhigh", "max"] as const;

const OTHER_NAMES: Readonly<Record<string, string>> = {
  ...{ none: "off", no: "off", min: "minimal", mid: "medium", med: "medium" },
  ...{ highest: "high", "extra-high": "xhigh", extrahigh: "xhigh", "x-high": "xhigh", maximum: "max" },
};

export const levelNamed = (said: string): string => {
  const name = said.toLowerCase();
  return Object.hasOwn(OTHER_NAMES, name) ? (OTHER_NAMES[name] as string) : name;
};

/** How much a model can be told to think; undefined: not known. A model with a budget of tokens is given its share of it. */
export function levelsOf(info: ModelInfo | undefined): string[] | undefined {
  const thinking = info?.thinking;
  if (thinking === undefined) return undefined;
  const { efforts, budget, always } = thinking;
  const named = efforts !== undefined && efforts.length > 0 ? [...new Set(efforts)] : budget === undefined ? LEVELS.slice(2, 5) : LEVELS.slice(1);
  return [...(always === true ? [] : ["off"]), ...named.filter((level) => level !== "off")];
}

/** What of these comes nearest to a level that is not among them: the next lower one, else the least. */
export function nearest(level: string, levels: readonly string[]): string | undefined {
  if (levels.includes(level)) return level;
  const rank = (name: string): number => (LEVELS as readonly string[]).indexOf(name);
  const known = levels.filter((name) => rank(name) >= 0).sort((a, b) => rank(a) - rank(b));
  // Who asked for thinking is not given none because less is not to be had.
  const thinks = level === "off" ? known : known.filter((name) => name !== "off");
  return thinks.findLast((name) => rank(name) <= rank(level)) ?? thinks[0];
}

export const asRequest = (level: string): NonNullable<ModelRequest["thinking"]> => (level === "off" ? "off" : { effort: level });
