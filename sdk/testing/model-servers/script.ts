/** What a model says next, in the order in which it says it. */
export type Said =
  | { text: string }
  /** @property opaque what has to go back unchanged, in the protocol's own form. */
  | { reasoning: string; opaque?: unknown }
  /** @property id default: one that this server has not given before. @property args a string is sent as it is, so that it may be broken JSON. */
  | { call: { id?: string; name: string; args: unknown } }
  | { refusal: string }
  /** Put into the stream as it is. */
  | { raw: string | Uint8Array };

/** One answer of a model, in Plinth's words; a protocol's wire turns it into bytes. */
export interface ScriptedAnswer {
  say?: readonly Said[];
  /** In the words of Plinth's `Usage`; absent: the server says nothing of it. */
  usage?: Record<string, number>;
  /**
   * Plinth's reason (stop, tool-calls, length, filter, refusal, pause), `raw:` and the vendor's own word, or `none`: the answer
   * just stops. Default: tool-calls where a tool is called, else stop.
   */
  end?: string;
  /** Instead of an answer. A string is sent as it is, anything else as JSON. */
  refuse?: { status: number; body: unknown; headers?: Record<string, string> };
  /** Headers of a good answer, such as those of rate limits; they replace the protocol's own. */
  headers?: Record<string, string>;
  /** The connection breaks after so many bytes of the body. */
  cut?: number;
  /** After so many bytes of the body nothing more comes, and the connection stays. */
  stall?: number;
  /** Bytes of one write. Default: a write for each event. */
  pieces?: number;
  /** The body is compressed, and says so. */
  gzip?: boolean;
  /** What becomes of the whole body before it is sent: bytes that no good server sends. */
  damage?(body: Uint8Array): Uint8Array;
}

/** One request that came. */
export interface AskedRequest {
  /** The how manieth of this server, from 1. */
  readonly number: number;
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly headers: Record<string, string>;
  /** The parsed JSON; the text where it is none; undefined where there is none. */
  readonly body: any;
}

/** The server side of one protocol, written from its published format. */
export interface Wire {
  /** The paths of completions, without a query. */
  readonly paths: RegExp;
  /** Of a stream. */
  readonly contentType: string;
  /** Default: the body's `stream` is true. */
  isStream?(request: AskedRequest): boolean;
  /** What the vendor's server refuses a completion for by itself, whatever is scripted; undefined: nothing. */
  refusal?(request: AskedRequest): ScriptedAnswer["refuse"];
  /** The stream's body; each item is one event. */
  stream(answer: ScriptedAnswer, request: AskedRequest): Iterable<Uint8Array | string>;
  /** The JSON answer of a request that wants no stream. */
  whole?(answer: ScriptedAnswer, request: AskedRequest): unknown;
  /** What every other path answers as JSON, such as the list of models or a count of tokens; undefined: 404. */
  other?(request: AskedRequest, models: readonly string[]): unknown;
}

/** The id of the call at `position` of an answer, where the script gives none: unique over all answers of a server. */
export function callId(request: AskedRequest, position: number, prefix = "call_"): string {
  return `${prefix}${request.number}x${position}`;
}

/** A string as it is; anything else as JSON. */
export const argumentsText = (args: unknown): string => (typeof args === "string" ? args : JSON.stringify(args));

export const callsOf = (answer: ScriptedAnswer): { id?: string; name: string; args: unknown }[] =>
  (answer.say ?? []).flatMap((one) => ("call" in one ? [one.call] : []));

/** How an answer ends, in Plinth's words or with `raw:`. */
export const endOf = (answer: ScriptedAnswer): string => answer.end ?? (callsOf(answer).length > 0 ? "tool-calls" : "stop");
