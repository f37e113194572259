import Type, { type Static, type TObject, type TSchema, type TUnsafe } from "typebox";

/** How many providers a contract admits. `one` makes it a slot that the operator can fill by name. */
export type Cardinality = "one" | "many";

/** How a consumer picks among providers; the vocabulary is shared by all contracts. */
export type Selection = "by-id" | "first-healthy" | "fallback-chain" | "score";

/**
 * observe: everyone is told, results are ignored. transform: each subscriber gets the previous one's payload.
 * gate: the first denial ends it. claim: the first answer ends it. The sync forms admit host-tier subscribers only.
 */
export type HookMode = "observe" | "transform" | "gate" | "claim" | "observe-sync" | "transform-sync";

export interface MethodDef {
  readonly summary: string;
  readonly input: TSchema;
  /** Schema of the single result. A method has either `output` or `stream`. */
  readonly output?: TSchema;
  /** Schema of each item of the result stream. */
  readonly stream?: TSchema;
  /** Longest wait for the result (for a stream: for its next item) in milliseconds; 0 = no deadline. */
  readonly deadlineMs: number;
  readonly idempotent?: boolean;
  /** A provider may leave an optional method out; its callers get PLINTH_UNSUPPORTED. */
  readonly optional?: boolean;
  /** Acts on the world as the descriptor's `effects` say: the host asks `plinth.policy` before a call that others had a hand in. */
  readonly guarded?: boolean;
}

export interface HookDef {
  readonly summary: string;
  readonly mode: HookMode;
  readonly payload: TSchema;
  /** Deadline of each subscriber in milliseconds. */
  readonly deadlineMs: number;
  /** What a failing subscriber means: `open` skips it, `closed` denies (gate) or fails the flow (transform). */
  readonly failure: "open" | "closed";
}

export interface ContractDef {
  readonly id: string;
  readonly version: string;
  readonly title: string;
  readonly summary: string;
  readonly cardinality: Cardinality;
  readonly selection: Selection;
  /** A third party that provides it is neither listed nor called until an owner chose it, once, for what PROVIDE_WORDS says it may. */
  readonly choice?: boolean;
  /** What a provider states in its manifest, so that listing needs no code. */
  readonly descriptor: TSchema;
  readonly methods: { readonly [name: string]: MethodDef };
  /** Hooks fired by the contract's providers. */
  readonly hooks?: { readonly [name: string]: HookDef };
  /** Error codes that callers may branch on, with their meaning. */
  readonly errors?: { readonly [code: string]: string };
}

export function defineContract<const D extends ContractDef>(definition: D): D {
  return definition;
}

/** The value a caller passes to a method and the value it gets back, derived from the contract's schemas. */
export type MethodInput<M extends MethodDef> = Static<M["input"]>;
export type MethodItem<M extends MethodDef> = M extends { stream: infer S extends TSchema } ? Static<S> : never;
export type MethodOutput<M extends MethodDef> = M extends { output: infer O extends TSchema } ? Static<O> : void;
export type IsStream<M extends MethodDef> = M extends { stream: TSchema } ? true : false;

/**
 * One of several kinds of object, told apart by the string under `tag`. Kinds that are not listed are let through, so that a
 * later version can add some: whoever reads passes over what it does not know. A listed kind has to be as it is listed.
 */
export function openUnion<const K extends readonly TObject[]>(tag: string, kinds: K): TUnsafe<Static<K[number]>> {
  const known = kinds.map((kind) => (kind.properties[tag] as { const?: string } | undefined)?.const);
  const later = { type: "object", required: [tag], properties: { [tag]: { type: "string", not: { enum: known } } } };
  return Type.Unsafe<Static<K[number]>>({ anyOf: [...kinds, later] });
}
