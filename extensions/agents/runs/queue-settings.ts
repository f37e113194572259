import { PlinthError, visible } from "@plinth/sdk";

export const MODES = ["followup", "collect", "interrupt", "steer"] as const;
export const DROPS = ["old", "new", "summarize"] as const;

/** What becomes of a message while its session is busy. */
export interface QueueSettings {
  mode: (typeof MODES)[number];
  /** What one person says within so many milliseconds has one turn; 0: each message has its own. */
  debounceMs: number;
  /** So many messages of one person wait in a session. */
  cap: number;
  /** Which one goes where one more comes: the oldest, the new one, or the oldest into a message that sums up those that went. */
  drop: (typeof DROPS)[number];
}
export type QueueChoice = Partial<QueueSettings>;
export interface QueueConfig extends QueueChoice {
  byChannel?: { [surface: string]: QueueChoice };
}

const DEFAULTS: QueueSettings = { mode: "followup", debounceMs: 0, cap: 20, drop: "summarize" };
const MOST_MS = 60_000;
const MOST_CAP = 1_000;

/** The message's own word goes first, then the session's, the channel's, the configuration's and the router's. */
export function settingsFor(
  { byChannel = {}, ...house }: QueueConfig,
  surface: string,
  { inline, session, lane }: { inline: QueueChoice["mode"]; session?: QueueChoice | undefined; lane?: QueueChoice | undefined },
): QueueSettings {
  const channel = Object.hasOwn(byChannel, surface) ? byChannel[surface] : undefined;
  return { ...DEFAULTS, ...lane, ...house, ...channel, ...session, ...(inline === undefined ? {} : { mode: inline }) };
}

/** `collect debounce:0.5s cap:25 drop:summarize`, in any order; what is left out is not chosen. */
export function parseQueue(words: string): QueueChoice {
  const choice: QueueChoice = {};
  for (const word of words.toLowerCase().split(/\s+/)) {
    if (word === "") continue;
    const [name = "", value = ""] = word.split(":", 2);
    const mode = MODES.find((one) => one === word);
    const drop = DROPS.find((one) => name === "drop" && one === value);
    if (mode !== undefined) choice.mode = mode;
    else if (drop !== undefined) choice.drop = drop;
    else if (name === "debounce") choice.debounceMs = milliseconds(value);
    else if (name === "cap") choice.cap = within(value, /^\d{1,4}$/, Number(value), 1, MOST_CAP, `a whole number from 1 to ${MOST_CAP}`);
    else throw wrong(word, `a mode (${MODES.join(", ")}), debounce:TIME, cap:NUMBER or drop:${DROPS.join("|")}`);
  }
  return choice;
}

export function queueWords({ mode, debounceMs, cap, drop }: QueueChoice): string {
  const words = [mode, debounceMs !== undefined && `debounce:${debounceMs}ms`, cap !== undefined && `cap:${cap}`, drop && `drop:${drop}`];
  return words.filter(Boolean).join(" ");
}

function milliseconds(value: string): number {
  const [, number = "", unit = "ms"] = /^(\d{1,5}(?:\.\d{1,3})?)(ms|s)?$/.exec(value) ?? [];
  return within(number, /./, Math.round(Number(number) * (unit === "s" ? 1_000 : 1)), 0, MOST_MS, "a time up to 60s, such as 0.5s or 500ms", value);
}

function within(value: string, form: RegExp, number: number, min: number, max: number, what: string, shown = value): number {
  if (form.test(value) && number >= min && number <= max) return number;
  throw wrong(shown, what);
}

const wrong = (word: string, what: string): PlinthError =>
  new PlinthError("PLINTH_USAGE", `\`${visible(word, { max: 60 })}\` is not ${what}.`, {
    next: "Type `/queue collect debounce:0.5s cap:25 drop:summarize`, or part of that; `/help queue` says more.",
  });
