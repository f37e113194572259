/** What the host and the process of a model say to each other: one JSON object a line. Types only. */

/** A conversation in the library's own form: an answer holds its words and its calls with their results, in order. */
export type HistoryItem =
  | { readonly type: "system" | "user"; readonly text: string }
  | { readonly type: "model"; readonly response: readonly (string | HistoryCall)[] };

export interface HistoryCall {
  readonly type: "functionCall";
  readonly name: string;
  readonly params: unknown;
  readonly result: string;
  /** It begins another round of calls than the one before it. */
  readonly startsNewChunk: boolean;
}

export interface Tool {
  readonly description: string;
  /** A schema that the library's grammar can say. */
  readonly params: unknown;
}

export interface Conversation {
  readonly history: readonly HistoryItem[];
  /** By name. */
  readonly tools: Readonly<Record<string, Tool>>;
}

export interface Completion extends Conversation {
  /** What all of the answer has to be: any JSON, or JSON by a schema. */
  readonly json: true | { readonly schema: unknown } | null;
  /** At most so many calls in one answer; null = as the model likes. */
  readonly calls: number | null;
  readonly stop: readonly string[];
  readonly maxTokens: number | null;
  readonly temperature: number;
  readonly topP: number;
  readonly seed: number | null;
  /** null = as much as the library lets it. */
  readonly thoughtTokens: number | null;
}

export interface Opening {
  /** Addresses of the library's entry. */
  readonly library: string;
  readonly file: string;
  /** null = what the model was made for, at most 8192. */
  readonly contextTokens: number | null;
  readonly parallel: number;
  readonly threads: number;
}

/** What is known of a model once it is loaded. */
export interface Loaded {
  readonly contextTokens: number;
  /** Its template says how tools are told and called. */
  readonly tools: boolean;
  /** As the file names itself. */
  readonly title: string | null;
}

export type Asked =
  | ({ readonly id: number; readonly what: "open" } & Opening)
  | ({ readonly id: number; readonly what: "complete" } & Completion)
  | ({ readonly id: number; readonly what: "count" } & Conversation)
  | { readonly id: number; readonly what: "embed"; readonly inputs: readonly string[]; readonly cut: boolean }
  | { readonly id: number; readonly what: "cancel" };

export type Item = { readonly text: string } | { readonly thought: string } | { readonly call: { readonly name: string; readonly params: unknown } };

export interface Done {
  readonly reason: "stop" | "calls" | "length";
  readonly read: number;
  readonly written: number;
  /** Of what was read, what was there from before. */
  readonly kept: number;
}

/** `kind`: one of the contract's failures. */
export interface Failure {
  readonly kind: "CONTEXT" | "REQUEST" | "UNSUPPORTED" | "SERVER";
  readonly message: string;
  readonly limit?: number;
  readonly asked?: number;
}

export type Said =
  | { readonly id: number; readonly item: Item }
  | { readonly id: number; readonly done: unknown }
  | { readonly id: number; readonly failed: Failure };
