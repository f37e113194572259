import { PlinthError } from "../../extension/errors.ts";
import { explained, type Refusal } from "./refusal.ts";

export type FailureKind =
  | "AUTH"
  | "BILLING"
  | "QUOTA"
  | "RATE"
  | "OVERLOADED"
  | "SERVER"
  | "NETWORK"
  | "CONTEXT"
  | "REQUEST"
  | "UNSUPPORTED"
  | "UNKNOWN"
  | "FILTER"
  | "JOB"
  | "STREAM";

const RETRYABLE: ReadonlySet<FailureKind> = new Set(["RATE", "OVERLOADED", "SERVER", "NETWORK", "STREAM"]);

const NEXT: Readonly<Record<FailureKind, string>> = {
  AUTH: "Check the key, and what it is allowed to do.",
  BILLING: "Look at the account's payments, or use another provider.",
  QUOTA: "Look at the limits of the account, or use another provider.",
  RATE: "Wait a moment, then try again; look at the limits of the account if it stays so.",
  OVERLOADED: "Try again in a moment, or use another provider.",
  SERVER: "Try again in a moment, or use another provider.",
  NETWORK: "Check the network, then try again.",
  CONTEXT: "Start a new conversation, ask for less at once, or use a model with a larger context.",
  REQUEST: "Change the request as the server says, or use another model.",
  UNSUPPORTED: "Leave it out, or use another model.",
  UNKNOWN: "Check the model's name; the provider's models can be listed.",
  FILTER: "Say it differently, or choose another model.",
  JOB: "Begin it anew.",
  STREAM: "Try again; if it stays so, use another model.",
};

export interface FailureOptions {
  next?: string | undefined;
  cause?: unknown;
  /** More for machines beside what is retryable. */
  details?: Record<string, unknown>;
}

/** A failure of one of the contract's kinds, which says whether asking again may help. */
export function failure(kind: FailureKind, message: string, { next, cause, details }: FailureOptions = {}): PlinthError {
  return new PlinthError(`PLINTH_MODEL_${kind}`, message, {
    next: next ?? NEXT[kind],
    details: { retryable: RETRYABLE.has(kind), ...details },
    ...(cause === undefined ? {} : { cause }),
  });
}

/** What can be done about it decides the kind: the first that fits, of what a server says in its codes or in words. */
const BY_WORDS: readonly (readonly [FailureKind, RegExp])[] = [
  // A request that is larger than what a minute may take is too large for good.
  ["CONTEXT", /request too large/],
  // What is used up by the minute comes back by itself, whatever the server calls it.
  ["RATE", /per[ _-]?min|\b[tr]pm\b|too many tokens, please wait/],
  [
    "CONTEXT",
    /context_length_exceeded|exceed_context_size|string_above_max_length|context (?:length|window|size|limit)|maximum prompt length|(?:prompt|input|request) is too long|prompt too long|too many (?:input )?tokens(?! per)|input token count|range of input length|reduce (?:the length of|your message size)|exceeds? the (?:model'?s? )?max(?:imum)?(?: number of)?(?: input)? tokens?\b|tokens? .{0,40}exceed.{0,20}(?:limit|maximum) of \d+|exceed(?:s|ed)? model token limit|max_character_limit_exceeded|exceeds maximum character limit/,
  ],
  [
    "QUOTA",
    /insufficient_quota|current[ _]quota|quota[ _](?:exceeded|exhausted)|(?:exceeded|exhausted).{0,40}\bquota|usage[ _]limit|limit exhausted|key limit exceeded|spend(?:ing)?[ _]limit|per[ _-]?(?:day|month)|perday|\b[tr]pd\b|(?:daily|weekly|monthly) (?:\w+ )?(?:limit|quota|credits)/,
  ],
  [
    "BILLING",
    /billing|payment|usage_not_included|arrear|overdue|credit balance|(?:insufficient|not (?:have )?enough|no|any|more|out of) (?:account )?(?:balance|credits?|funds)|insufficient_(?:balance|credits|funds)|balance .{0,20}(?:low|insufficient)|余额|欠费/,
  ],
  [
    "FILTER",
    /content[_ -]?(?:filter|policy|management policy|security)|responsibleai|data[_ ]?inspection|moderation|\bflagged\b|safety|unsafe|sensitive|usage polic(?:y|ies)|blocked by|bad_prompt|bad_composition_plan/,
  ],
];

const BY_CODE: readonly (readonly [FailureKind, RegExp])[] = [
  ["OVERLOADED", /overload|unavailable|capacity|(?:server|system)_?busy|slow_?down|modelnotready|is (?:currently )?loading/],
  ["RATE", /rate[ _-]?limit|ratelimit|\b429\b|too[ _-]?many[ _-]?requests|throttl|resource_exhausted/],
];

const NO_MODEL =
  /model[ _-]?not[ _-]?(?:found|open)|unknown[ _-]?model|invalid[ _-]?model\b|model_decommissioned|deploymentnotfound|not a valid model|(?:models?|deployment)\b.{0,120}(?:does not exist|not found|not exist|decommissioned|no longer available|identifier is invalid)|(?:does not have|no) access to (?:the )?(?:requested )?model|no such model|try pulling it/;

const NOT_TAKEN =
  /unsupported_(?:parameter|value)|unsupported (?:parameter|value)|(?:does|do) not support|(?:is|are) not (?:yet )?supported|extra_forbidden|extra inputs are not permitted|unrecognized request argument|no endpoints found that support/;

const NO_KEY = /\b40[13]\b|authentication|unauthori[sz]ed|api[ _-]?key|permission|access_?denied|unrecognizedclient|invalidsignature|expiredtoken/;

/** Which kind it is: by the server's own code where it has one, else by its status and its words. */
export function kindOf({ status, said, hint }: Pick<Refusal, "status" | "said" | "hint">): FailureKind {
  const words = `${hint} ${said.toLowerCase()}`;
  const first = (rows: typeof BY_WORDS, text: string) => rows.find(([, pattern]) => pattern.test(text))?.[0];
  const isClient = status === 0 || (status >= 400 && status < 500);
  if (status === 402) return first(BY_WORDS, words) === "QUOTA" ? "QUOTA" : "BILLING";
  // A refused key may speak of anything in words; where its code says that the account is used up, it is that.
  const told = isClient ? first(BY_WORDS, status === 401 ? hint : words) : undefined;
  if (told !== undefined) return told;
  if (status >= 500 && BY_WORDS[2]![1].test(words)) return "CONTEXT";
  if (isClient && status !== 401 && status !== 429) {
    if (status === 404 && NO_MODEL.test(words)) return "UNKNOWN";
    if (NOT_TAKEN.test(words)) return "UNSUPPORTED";
    if (NO_MODEL.test(words) || (status === 404 && /model/.test(words))) return "UNKNOWN";
  }
  if (status === 401 || status === 403) return "AUTH";
  const busy = first(BY_CODE, status === 429 || status === 0 || status >= 500 ? words : hint);
  if (status === 429) return busy ?? "RATE";
  if (busy !== undefined && (status === 0 || status >= 400)) return busy;
  if (status === 529 || status === 503) return "OVERLOADED";
  if (isClient && NO_KEY.test(status === 0 ? hint : words)) return "AUTH";
  if (status >= 500 || status === 408 || status === 424) return "SERVER";
  if (status >= 400) return "REQUEST";
  // An error object in the middle of a stream has no status of its own.
  if (status === 0) return /\b4\d\d\b|invalid|validation|not.?found/.test(hint) ? "REQUEST" : "SERVER";
  return "STREAM";
}

/** The coded error for a status other than 2xx. The server's own words are quoted as data, bounded, keys struck out. */
export function refused(title: string, refusal: Refusal, next?: (kind: FailureKind) => string | undefined): PlinthError {
  const { status, said, param, retryAfterMs: waitMs, requestId } = refusal;
  const kind = kindOf(refusal);
  const words = strikeKeys(said, kind === "AUTH");
  const what = status === 0 ? "broke off with an error" : `answered ${status}`;
  const details: Record<string, unknown> = {
    ...(status === 0 ? {} : { status }),
    ...(param === undefined ? {} : { param }),
    ...(waitMs === undefined ? {} : { retryAfterMs: waitMs }),
    ...(requestId === undefined ? {} : { requestId }),
    ...(kind === "CONTEXT" ? tokensOf(said) : {}),
  };
  const wait = kind === "RATE" && waitMs !== undefined ? `Wait ${Math.ceil(waitMs / 1000)} s, then try again.` : undefined;
  return failure(kind, `${title} ${what}${words === "" ? "" : `: ${words}`}`, { next: next?.(kind) ?? wait, details });
}

/** The coded error for an error object in the middle of a stream. */
export function fault(title: string, error: unknown): PlinthError {
  const { said, hint, param, retryAfterMs } = explained(JSON.stringify({ error }));
  return refused(title, { status: 0, said: said || "it gave no reason.", hint, param, retryAfterMs, requestId: undefined });
}

/** `maximum context length is 8192 tokens … you requested 9000`. */
function tokensOf(said: string): { limitTokens?: number; askedTokens?: number } {
  const [limit, asked] = [...said.matchAll(/(\d[\d,]{2,})(?= tokens|\b)/g)].map(([, digits]) => Number(digits!.replaceAll(",", "")));
  if (limit === undefined) return {};
  if (asked === undefined) return { limitTokens: limit };
  return { limitTokens: Math.min(limit, asked), askedTokens: Math.max(limit, asked) };
}

/** A server may repeat the key that it refused: long tokens are struck out, in refusals of keys whatever they look like. */
function strikeKeys(text: string, aboutKeys: boolean): string {
  const known = text.replace(/\bBearer\s+\S+/gi, "Bearer [key]").replace(/\b(sk|pk|gsk|xai|key|rk|AIza)[-_A-Za-z0-9*]{10,}/g, "[key]");
  return aboutKeys ? known.replace(/[A-Za-z0-9_\-*+=]{12,}/g, (token) => (/[\d*]/.test(token) ? "[key]" : token)) : known;
}
