import type { HookMode } from "@plinth/manifests";
import type { TUnsafe } from "typebox";

interface MethodTypes {
  input: unknown;
  /** Of the single result. A method has either this or `stream`. */
  output?: unknown;
  /** Of each item. */
  stream?: unknown;
  optional?: true;
}

type MethodOf<M extends MethodTypes> = { readonly summary: string; readonly deadlineMs: number; readonly input: TUnsafe<M["input"]> } & (M extends {
  stream: infer S;
}
  ? { readonly stream: TUnsafe<S> }
  : { readonly output: TUnsafe<M["output"]> }) &
  (M extends { optional: true } ? { readonly optional: true } : unknown);

/**
 * A contract that an extension defines, by the types of what it carries. `plinth types` writes it into src/manifest.ts for the
 * contracts in plinth.json and in `contracts/`, so that `provide` and `use` are held to them.
 */
export interface ContractTypes<D, M extends { [name: string]: MethodTypes }> {
  readonly id: string;
  readonly version: string;
  readonly descriptor: TUnsafe<D>;
  readonly methods: { readonly [K in keyof M]: MethodOf<M[K]> };
}

/** A hook of such a contract. */
export interface HookTypes<M extends HookMode, P> {
  readonly summary: string;
  readonly mode: M;
  readonly payload: TUnsafe<P>;
  readonly deadlineMs: number;
  readonly failure: "open" | "closed";
}
