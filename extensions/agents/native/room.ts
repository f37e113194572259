import { errorInfo, type ModelMessage, type Usage } from "@plinth/sdk";
import { CHARS_A_TOKEN, charsIn } from "@plinth/sdk/kits/conversation";
import type { ModelRequest } from "./model-request.ts";

/** So little fits every model: nothing is counted, and nobody is asked. */
const SMALL_CHARS = 4_000;
/** However much instructions and tools take, so much of the context is for what is said. */
const LEAST_SHARE = 0.25;
const MOST_SUMMARY = 4_096;
const LEAST_SUMMARY = 64;
const MOST_ROOMS = 512;

export interface Shares {
  /** Of the model's context, what may be sent before the conversation is made short; 0: only where its server refuses it. */
  compactAt: number;
  /** Of the model's context, what stays as it was said. */
  compactKeep: number;
}

export interface Bounds {
  readonly limitTokens: number | undefined;
  readonly keepTokens: number;
  readonly summaryTokens: number;
}

/** What is known of how much fits, by session and model. */
export class Rooms {
  readonly #shares: Shares;
  readonly #rooms = new Map<string, Room>();

  constructor(shares: Shares) {
    this.#shares = shares;
  }

  of(sessionKey: string, model: string): Room {
    const key = `${model}\n${sessionKey}`;
    const room = this.#rooms.get(key) ?? new Room(this.#shares);
    this.#rooms.delete(key);
    this.#rooms.set(key, room);
    for (const oldest of this.#rooms.keys()) if (this.#rooms.size > MOST_ROOMS) this.#rooms.delete(oldest);
    return room;
  }
}

/** How much of one conversation fits one model, as it was learned from its data, its server's refusals and its counts. */
export class Room {
  readonly #shares: Shares;
  /** provider/model that answered last. */
  #answers: string | undefined;
  #known: number | undefined;
  #refused: number | undefined;
  #charsPerToken = CHARS_A_TOKEN;
  /** What could not be made short is not tried again before it has grown. */
  #restUntil = 0;
  /** Nobody tells the model's context. */
  unknown = false;
  #long: boolean | undefined;
  /** Results of tools that were pruned, as `prunable` names them. */
  readonly pruned = new Set<string>();

  constructor(shares: Shares) {
    this.#shares = shares;
  }

  get limitTokens(): number | undefined {
    return this.#refused === undefined || this.#known === undefined ? (this.#refused ?? this.#known) : Math.min(this.#refused, this.#known);
  }

  /** @param long as the turn's harness is told it. */
  begin(long: boolean | undefined): void {
    this.#long = long;
  }

  /** It is to be made short, however much fits. */
  get due(): boolean {
    return this.#long === true;
  }

  /** Who is asked now, and what is known of it. */
  asked(name: string, contextTokens: number | undefined): void {
    if (this.#answers !== name) {
      this.#refused = this.#known = undefined;
      this.unknown = false;
    }
    this.#known = contextTokens ?? this.#known;
    this.#answers = name;
  }

  knows(contextTokens: number | undefined): void {
    this.#known ??= contextTokens;
    this.unknown = this.#known === undefined;
  }

  /** How long it really was. A count that cannot be is not believed. */
  counted(request: ModelRequest, usage: Usage | undefined): void {
    const chars = this.#chars(request);
    if (usage === undefined || usage.inputTokens === 0 || chars < SMALL_CHARS) return;
    this.#charsPerToken = Math.min(Math.max(chars / usage.inputTokens, 1), CHARS_A_TOKEN + 1);
  }

  /**
   * Its server said that this is too long.
   *
   * @returns whether it said how much fits
   */
  refused(request: ModelRequest, thrown: unknown): boolean {
    const { limitTokens, askedTokens } = ((thrown as { details?: unknown } | null)?.details ?? {}) as Record<string, unknown>;
    const chars = this.#chars(request);
    if (isCount(askedTokens)) this.#charsPerToken = Math.min(Math.max(chars / askedTokens, 1), CHARS_A_TOKEN);
    const here = Math.floor(chars / this.#charsPerToken);
    const said = isCount(limitTokens) && limitTokens >= 256;
    this.#refused = said ? limitTokens : Math.min(this.#refused ?? here, Math.ceil(here * 0.9));
    this.#restUntil = 0;
    return said;
  }

  /** Whether to look closer before it is sent. This is asked before each model call, so that it costs next to nothing. */
  near(request: ModelRequest): boolean {
    if (this.#long !== undefined) return this.#long;
    const chars = charsIn(request.messages);
    if (chars < SMALL_CHARS || chars < this.#restUntil || this.#shares.compactAt === 0) return false;
    return this.limitTokens === undefined ? !this.unknown : chars > this.mostChars(request);
  }

  /** Characters of messages that may be sent. Without a known context: all. */
  mostChars(request: ModelRequest, share = this.#shares.compactAt): number {
    const limit = this.limitTokens;
    if (limit === undefined) return Number.POSITIVE_INFINITY;
    const all = limit * this.#charsPerToken;
    return Math.max(all * share - (this.#chars(request) - charsIn(request.messages)), all * LEAST_SHARE);
  }

  tokens(chars: number): number {
    return Math.ceil(chars / this.#charsPerToken);
  }

  /**
   * How short it is to be made.
   *
   * @param anyway also where all of it fits
   */
  bounds(request: ModelRequest, anyway = this.due): Bounds {
    const said = Math.ceil(charsIn(request.messages) / CHARS_A_TOKEN);
    // Whoever makes it short counts roughly: what the model counts is told in that measure.
    const measure = this.#charsPerToken / CHARS_A_TOKEN;
    const limit = this.limitTokens === undefined ? said : Math.min(this.limitTokens * measure, anyway ? said : Number.POSITIVE_INFINITY);
    const room = this.limitTokens === undefined ? said : this.mostChars(request, this.#shares.compactAt || 0.75) / CHARS_A_TOKEN;
    const keepTokens = Math.floor(Math.min(limit * this.#shares.compactKeep, room * 0.6));
    const share = this.limitTokens === undefined ? MOST_SUMMARY : this.limitTokens * 0.1;
    const most = Math.min(MOST_SUMMARY, share, room * 0.2, (said - keepTokens) * 0.4);
    return { limitTokens: this.limitTokens, keepTokens, summaryTokens: Math.max(LEAST_SUMMARY, Math.floor(most)) };
  }

  /** It was made short, or could not be. */
  settled(messages: readonly ModelMessage[], shorter: boolean): void {
    if (this.due) this.#long = undefined;
    this.#restUntil = charsIn(messages) * 1.2;
    if (shorter) this.pruned.clear();
  }

  /** Of instructions, tools and messages. */
  #chars({ system, tools, messages }: ModelRequest): number {
    let chars = charsIn(messages);
    for (const { text } of system) chars += text.length;
    for (const tool of tools) chars += charsOfTool(tool);
    return chars;
  }
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) > 0;

const sizes = new WeakMap<object, number>();

/** A tool says the same of itself for a long time. */
export function charsOfTool({ name, description, input }: ModelRequest["tools"][number]): number {
  let size = sizes.get(input);
  if (size === undefined) {
    size = name.length + description.length + JSON.stringify(input).length;
    sizes.set(input, size);
  }
  return size;
}

/** A conversation that does not fit, and nothing else. */
export const isOverflow = (thrown: unknown): boolean => errorInfo(thrown).code === "PLINTH_MODEL_CONTEXT";
