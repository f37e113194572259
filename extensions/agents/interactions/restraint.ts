import type { InteractionAnswer, InteractionRequest } from "@plinth/sdk";
import { partyOf } from "./callers.ts";

export interface Bounds {
  /** How many may wait for an answer: so many of the product's, and so many of all others. */
  maxPending: number;
  maxPendingInSession: number;
  /** Of one party other than the product, in all sessions. */
  maxPendingOfParty: number;
  /** How often a session may ask within the window, and how often a party in all sessions. */
  asks: number;
  windowMs: number;
}

const MAX_TURNS = 500;
const MAX_DENIALS = 3;
/** All sessions together ask no more than so many of them may. */
const SESSIONS = 5;
const MAX_WORDS = 200;

interface Denial {
  party: string | undefined;
  digest: string;
  kind: string;
  words: ReadonlySet<string>;
}

/**
 * Keeps people from being worn down: what was denied is not asked again in the same turn, nor something much like it,
 * and nobody is asked without end. What is not asked is refused. What others than the product ask counts apart from what
 * the product asks: however much they ask, approvals are still asked.
 */
export class Restraint {
  readonly #bounds: Bounds;
  /** By run, the one that was denied last at the end. */
  readonly #denials = new Map<string, Denial[]>();
  /** When sessions asked, oldest first. */
  #asked: { sessionKey: string; party: string | undefined; at: number }[] = [];
  /** What parties were denied, in all sessions, oldest first. */
  #noes: { party: string; at: number }[] = [];

  constructor(bounds: Bounds) {
    this.#bounds = bounds;
  }

  /** Why this one is not asked; undefined: it is. */
  refusal(request: InteractionRequest, pending: readonly InteractionRequest[], now: number): string | undefined {
    const { maxPending, maxPendingInSession, asks, windowMs } = this.#bounds;
    const { sessionKey } = request;
    const party = partyOf(request);
    const denied = this.#denied(request);
    if (denied !== undefined) return denied;
    const waiting = pending.filter((one) => (partyOf(one) === undefined) === (party === undefined));
    if (waiting.filter((one) => one.sessionKey === sessionKey).length >= maxPendingInSession)
      return `${maxPendingInSession} questions of this conversation wait for an answer, so this one was not asked.`;
    if (waiting.length >= maxPending) return `${maxPending} questions wait for an answer, so this one was not asked.`;
    this.#asked = this.#asked.filter(({ at }) => at > now - windowMs);
    const tired = party === undefined ? undefined : this.#rests(party, waiting, now);
    if (tired !== undefined) return tired;
    const asked = this.#asked.filter((one) => (one.party === undefined) === (party === undefined));
    const own = asked.filter((one) => one.sessionKey === sessionKey);
    if (own.length >= asks)
      return `This conversation asked ${times(asks)} within ${span(windowMs)}. It asks nothing until ${clock(own[0]!.at + windowMs)}.`;
    if (asked.length < asks * SESSIONS) return undefined;
    return `The owner was asked ${times(asks * SESSIONS)} within ${span(windowMs)}. Nothing is asked until ${clock(asked[0]!.at + windowMs)}.`;
  }

  asked(request: InteractionRequest, now: number): void {
    this.#asked.push({ sessionKey: request.sessionKey, party: partyOf(request), at: now });
  }

  /** It was asked, and the answer was no, or none. */
  denied(request: InteractionRequest, { answer, by, at }: Pick<InteractionAnswer, "answer" | "by" | "at">): void {
    const key = keyOf(request);
    const denials = this.#denials.get(key) ?? [];
    this.#denials.delete(key);
    this.#denials.set(key, [...denials, denialOf(request)]);
    for (const other of this.#denials.keys()) if (this.#denials.size > MAX_TURNS) this.#denials.delete(other);
    const party = partyOf(request);
    // A surface that says no because nobody sits there is no word of the owner's on this party.
    if (party !== undefined && (by.role === "owner" || answer === "expired")) this.#noes.push({ party, at });
  }

  /** Why a party asks nothing now, in whatever session. */
  #rests(party: string, waiting: readonly InteractionRequest[], now: number): string | undefined {
    const { maxPendingOfParty, asks, windowMs } = this.#bounds;
    if (waiting.filter((one) => partyOf(one) === party).length >= maxPendingOfParty)
      return `${maxPendingOfParty} questions of ${party} wait for an answer, so this one was not asked.`;
    this.#noes = this.#noes.filter(({ at }) => at > now - windowMs);
    const noes = this.#noes.filter((one) => one.party === party);
    if (noes.length >= MAX_DENIALS)
      return `${party} was denied ${times(noes.length)} within ${span(windowMs)}. It asks nothing until ${clock(noes.at(-MAX_DENIALS)!.at + windowMs)}.`;
    const own = this.#asked.filter((one) => one.party === party);
    if (own.length < asks) return undefined;
    return `${party} asked ${times(asks)} within ${span(windowMs)}. It asks nothing until ${clock(own[0]!.at + windowMs)}.`;
  }

  #denied(request: InteractionRequest): string | undefined {
    const denials = this.#denials.get(keyOf(request)) ?? [];
    const { digest, kind, words } = denialOf(request);
    if (denials.some((one) => one.digest === digest)) return "The same was denied in this turn, so it was not asked again.";
    if (denials.some((one) => one.kind === kind && alike(one.words, words)))
      return "Something much like it was denied in this turn, so it was not asked.";
    const isOthers = partyOf(request) !== undefined;
    if (denials.filter(({ party }) => (party !== undefined) === isOthers).length >= MAX_DENIALS)
      return `${MAX_DENIALS} questions of this turn were denied, so it asks nothing more.`;
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
  return { party: partyOf(request), digest, kind, words: new Set(words?.slice(0, MAX_WORDS)) };
}

/** Most words of the shorter one are in the other: another order, another flag, a wrapper around it. */
function alike(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  const [few, many] = a.size < b.size ? [a, b] : [b, a];
  return [...few].filter((word) => many.has(word)).length > few.size / 2 || few.size === 0;
}

const times = (count: number): string => (count === 1 ? "once" : `${count} times`);
const span = (ms: number): string => (ms >= 120_000 ? `${Math.round(ms / 60_000)} minutes` : `${Math.round(ms / 1_000)} seconds`);
const clock = (ms: number): string => `${new Date(ms).toISOString().slice(11, 19)} UTC`;
