import type { SessionRow } from "./database.ts";

/** When a conversation ends by itself; whichever comes first. Empty: never. */
export interface ResetRule {
  /** At this hour of the day, 0 to 23, in `zone`. */
  daily?: number;
  /** An IANA zone such as Europe/Berlin. Default: the host's own. */
  zone?: string;
  /** So many minutes after somebody last said something. */
  idleMinutes?: number;
}

export type ChatType = "direct" | "group" | "thread";

export interface ResetConfig {
  reset?: ResetRule;
  resetByType?: Partial<Record<ChatType, ResetRule>>;
  resetByChannel?: Record<string, ResetRule>;
}

const MINUTE_MS = 60_000;
const TYPES: Record<string, ChatType> = { person: "direct", group: "group", channel: "group" };

/** Looks, when somebody says something, whether the conversation of before has ended. Nothing runs in between. */
export class Resets {
  readonly #config: ResetConfig;

  private constructor(config: ResetConfig) {
    this.#config = config;
  }

  /** Undefined where no conversation ends by itself: then nobody has to look. */
  static of({ reset, resetByType = {}, resetByChannel = {} }: ResetConfig): Resets | undefined {
    const rules = [reset, ...Object.values(resetByType), ...Object.values(resetByChannel)];
    if (!rules.some((rule) => rule?.daily !== undefined || rule?.idleMinutes !== undefined)) return undefined;
    return new Resets({ ...(reset === undefined ? {} : { reset }), resetByType, resetByChannel });
  }

  /** Zones that this host does not know: rules with such a one have no hour. */
  static unknownZones({ reset, resetByType = {}, resetByChannel = {} }: ResetConfig): string[] {
    const zones = [reset, ...Object.values(resetByType), ...Object.values(resetByChannel)].flatMap((rule) => rule?.zone ?? []);
    return [...new Set(zones)].filter((zone) => !isZone(zone));
  }

  /** Why the conversation of before has ended, as its boundary says it; undefined where it goes on. */
  due({ key, created, updated, started, touched }: SessionRow, now: number): "daily" | "idle" | undefined {
    const { daily, zone, idleMinutes } = this.rule(key);
    // What a clock that was ahead once has written is no time to go by: the day goes by the last change before now.
    const began = [started ?? created, touched ?? updated].find((at) => at <= now) ?? now;
    const daylight = daily === undefined ? undefined : nextHour(began, daily, zone);
    const quiet = idleMinutes === undefined ? undefined : (touched ?? updated) + idleMinutes * MINUTE_MS;
    if (daylight !== undefined && daylight <= now && (quiet === undefined || daylight <= quiet)) return "daily";
    return quiet !== undefined && quiet <= now ? "idle" : undefined;
  }

  /** That of the channel before that of the type before that for all. */
  rule(key: string): ResetRule {
    const { channel, type } = chatOf(key);
    const { reset = {}, resetByType = {}, resetByChannel = {} } = this.#config;
    const own = channel !== undefined && Object.hasOwn(resetByChannel, channel) ? resetByChannel[channel] : undefined;
    return own ?? resetByType[type] ?? reset;
  }
}

/** A channel's conversation is called by its address: channel/account/kind/peer, and a thread. All others are with one person. */
export function chatOf(key: string): { channel?: string; type: ChatType } {
  const [channel = "", , kind = "", peer, thread] = key.split("/");
  const type = Object.hasOwn(TYPES, kind) && peer !== undefined ? TYPES[kind] : undefined;
  if (type === undefined) return { type: "direct" };
  return { channel: decoded(channel), type: thread === undefined ? type : "thread" };
}

/**
 * The first time after `from` that it is that hour in that zone. On a day without it, because clocks go forward, it is the
 * moment after the gap; on a day with two, the first one.
 */
export function nextHour(from: number, hour: number, zone = Temporal.Now.timeZoneId()): number | undefined {
  if (!isZone(zone)) return undefined;
  const day = Temporal.Instant.fromEpochMilliseconds(from).toZonedDateTimeISO(zone).toPlainDate();
  for (const days of [0, 1, 2]) {
    const at = day.add({ days }).toZonedDateTime({ timeZone: zone, plainTime: { hour } }).epochMilliseconds;
    if (at > from) return at;
  }
  return undefined;
}

function isZone(zone: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: zone });
    return true;
  } catch {
    return false;
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
