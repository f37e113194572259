import type { InteractionRequest } from "@plinth/sdk";

export interface Bounds {
  /** How many may wait for an answer. */
  maxPending: number;
  maxPendingInSession: number;
  /** How often a session may ask within the window. */
  asks: number;
  windowMs: number;
}

const MAX_TURNS = 500;
const MAX_DENIALS = 3;
/** All sessions together ask no more than so many of them may. */
const SESSIONS = 5;
const MAX_WORDS = 200;

interface Denial {
  digest: string;
  kind: string;
  words: ReadonlySet<string>;
}

/**
 * Keeps people from being worn down: what was denied is not asked again in the same turn, nor something much like it,
 * and nobody is asked without end. What is not asked is refused.
 */
export class Restraint {
  readonly #bounds: Bounds;
  /** By run, the one that was denied last at the end. */
  readonly #denials = new Map<string, Denial[]>();
  /** When sessions asked, oldest first. */
  #asked: { sessionKey: string; at: number }[] = [];

  constructor(bounds: Bounds) {
    this.#bounds = bounds;
  }

  /** Why this one is not asked; undefined: it is. */
  refusal(request: InteractionRequest, pending: readonly InteractionRequest[], now: number): string | undefined {
    const { maxPending, maxPendingInSession, asks, windowMs } = this.#bounds;
    const { sessionKey } = request;
    const denied = this.#denied(request);
    if (denied !== undefined) return denied;
    if (pending.filter((one) => one.sessionKey === sessionKey).length >= maxPendingInSession)
      return `${maxPendingInSession} questions of this conversation wait for an answer, so this one was not asked.`;
    if (pending.length >= maxPending) return `${maxPending} questions wait for an answer, so this one was not asked.`;
    this.#asked = this.#asked.filter(({ at }) => at > now - windowMs);
    const own = this.#asked.filter((one) => one.sessionKey === sessionKey);
    if (own.length >= asks)
      return `This conversation asked ${times(asks)} within ${span(windowMs)}. It asks nothing until ${clock(own[0]!.at + windowMs)}.`;
    if (this.#asked.length < asks * SESSIONS) return undefined;
    return `The owner was asked ${times(asks * SESSIONS)} within ${span(windowMs)}. Nothing is asked until ${clock(this.#asked[0]!.at + windowMs)}.`;
  }

  asked({ sessionKey }: InteractionRequest, now: number): void {
    this.#asked.push({ sessionKey, at: now });
  }

  /** It was asked, and the answer was no, or none. */
  denied(request: InteractionRequest): void {
    const key = keyOf(request);
    const denials = this.#denials.get(key) ?? [];
    this.#denials.delete(key);
    this.#denials.set(key, [...denials, denialOf(request)]);
    for (const other of this.#denials.keys()) if (this.#denials.size > MAX_TURNS) this.#denials.delete(other);
  }

  #denied(request: InteractionRequest): string | undefined {
    const denials = this.#denials.get(keyOf(request)) ?? [];
    const { digest, kind, words } = denialOf(request);
    if (denials.some((one) => one.digest === digest)) return "The same was denied in this turn, so it was not asked again.";
    if (denials.some((one) => one.kind === kind && alike(one.words, words)))
      return "Something much like it was denied in this turn, so it was not asked.";
    if (denials.length >= MAX_DENIALS) return `${MAX_DENIALS} questions of this turn were denied, so it asks nothing more.`;
    return undefined;
  }
}

const keyOf = ({ sessionKey, runId }: InteractionRequest): string => JSON.stringify([sessionKey, runId]);

function denialOf(request: InteractionRequest): Denial {
  const { digest } = request;
  const [kind, said] =
    request.kind === "approval"
      ? [`${request.action.tool} ${request.action.effect}`, [request.action.args, request.action.subject?.argv ?? []]]
      : [`${request.kind} of ${request.from}`, [request.message, request.options, request.fields]];
  const words = JSON.stringify(said)
    .slice(0, 65_536)
    .toLowerCase()
    .match(/[\p{L}\p{N}]+/gu);
  return { digest, kind, words: new Set(words?.slice(0, MAX_WORDS)) };
}

/** Most words of the shorter one are in the other: another order, another flag, a wrapper around it. */
function alike(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  const [few, many] = a.size < b.size ? [a, b] : [b, a];
  return [...few].filter((word) => many.has(word)).length > few.size / 2 || few.size === 0;
}

const times = (count: number): string => (count === 1 ? "once" : `${count} times`);
const span = (ms: number): string => (ms >= 120_000 ? `${Math.round(ms / 60_000)} minutes` : `${Math.round(ms / 1_000)} seconds`);
const clock = (ms: number): string => `${new Date(ms).toISOString().slice(11, 19)} UTC`;
