import type { ContractMap, HookDef, HookMap, HookMode, IsStream, MethodDef, MethodInput, MethodItem, MethodOutput } from "@plinth/manifests";
import type { Influence } from "@plinth/manifests/origin/origin.ts";
import type { Static } from "typebox";
import type { Files } from "./files.ts";
import type { ExecOptions, ExecResult } from "./program.ts";
import type { Socket, SocketOptions } from "./socket.ts";
import type { Program, SpawnOptions } from "./spawn.ts";

/** Contracts by id. Extensions that define contracts of their own augment this interface. */
export interface Contracts extends ContractMap {}
/** Hooks by name. */
export interface Hooks extends HookMap {}

export type ContractId = keyof Contracts & string;
export type HookName = keyof Hooks & string;

/** What `plinth types` derives from a manifest; `defineExtension<Manifest>` holds the code to it. */
export interface ManifestTypes {
  /** Provided capability ids by contract. */
  provides: { [contract: string]: string };
  /** Contracts it uses. */
  uses: string;
  /** Hooks it subscribes to. */
  hooks: string;
  /** Its configuration. */
  config: unknown;
  /** Names of its secrets. */
  secrets: string;
  /** Environment variables it may read. */
  env: string;
}

/** Without generated types everything that exists may be named; the host still refuses what is undeclared. */
export interface AnyManifest extends ManifestTypes {
  provides: { [C in ContractId]: string } & { [contract: string]: string };
  uses: string;
  hooks: string;
  config: Record<string, any>;
  secrets: string;
  env: string;
}

/** Who a piece of work is done for. */
export interface Principal {
  role: "owner" | "guest" | "system";
  /** Where the identity was proven, such as `gateway-token`. */
  via: string;
  name?: string;
  /** What the work is for, such as `{ session: "main", agent: "main" }`: scoped grants hold only where theirs agrees. */
  scope?: Readonly<Record<string, string>>;
}

/** The work that a call belongs to: one turn, one request, one command. */
export interface Work {
  readonly id: string;
  readonly principal: Principal;
  /** The generation that all calls of this work use. */
  readonly generation: number;
  /** Whose hands it went through so far, besides the owner's and the product's. The host writes this; [] while it is the principal's own. */
  readonly influences: readonly Influence[];
}

/** What a provider's method or a hook's subscriber is told about the call. */
export interface Call {
  /** Aborted when the caller cancels, the deadline passes or the extension is stopped. */
  readonly signal: AbortSignal;
  /** Id of the calling extension; `host` for the kernel. */
  readonly caller: string;
  readonly work: Work | undefined;
}

export interface CallOptions {
  signal?: AbortSignal;
  /** Shortens the contract's deadline, in milliseconds. */
  deadlineMs?: number;
}

type Maybe<T> = T | Promise<T>;
type MethodsOf<C extends ContractId> = Contracts[C]["methods"];
type OptionalKeys<M> = { [K in keyof M]: M[K] extends { optional: true } ? K : never }[keyof M];
type MethodImpl<M extends MethodDef> =
  IsStream<M> extends true
    ? (input: MethodInput<M>, call: Call) => AsyncIterable<MethodItem<M>>
    : (input: MethodInput<M>, call: Call) => Maybe<MethodOutput<M>>;
type MethodClient<M extends MethodDef> =
  IsStream<M> extends true
    ? (input: MethodInput<M>, options?: CallOptions) => AsyncIterable<MethodItem<M>>
    : (input: MethodInput<M>, options?: CallOptions) => Promise<MethodOutput<M>>;

/** What a provider implements. */
export type Provider<C extends ContractId> = {
  [K in Exclude<keyof MethodsOf<C>, OptionalKeys<MethodsOf<C>>>]: MethodsOf<C>[K] extends MethodDef ? MethodImpl<MethodsOf<C>[K]> : never;
} & {
  [K in OptionalKeys<MethodsOf<C>>]?: MethodsOf<C>[K] extends MethodDef ? MethodImpl<MethodsOf<C>[K]> : never;
};

/** What a consumer calls. */
export type Client<C extends ContractId> = {
  readonly [K in keyof MethodsOf<C>]: MethodsOf<C>[K] extends MethodDef ? MethodClient<MethodsOf<C>[K]> : never;
};

export type Descriptor<C extends ContractId> = Static<Contracts[C]["descriptor"]>;

/** A provided capability as data. */
export interface Capability<D = unknown> {
  readonly id: string;
  readonly extension: string;
  readonly version: string;
  readonly descriptor: D;
  /** Of the product, or run by the operator inside the host; everybody else is a third party. */
  readonly trusted: boolean;
}

export interface Uses<C extends ContractId> {
  /** The capabilities there are now, sorted by id; loads no code. */
  list(): Promise<Capability<Descriptor<C>>[]>;
  /** A client of one capability, looked up at each call; calls fail with PLINTH_CAPABILITY_MISSING when it is not there. */
  get(id: string): Client<C>;
  /** A client of the slot's provider (contracts of cardinality one). */
  one(): Client<C>;
}

type HookPayload<H extends HookName> = Hooks[H] extends HookDef ? Static<Hooks[H]["payload"]> : unknown;
type HookModeOf<H extends HookName> = Hooks[H] extends { mode: infer M extends HookMode } ? M : HookMode;

/** What a subscriber may answer, by mode. `undefined` always means: nothing to say. */
export type HookAnswer<H extends HookName> =
  HookModeOf<H> extends "transform" | "transform-sync"
    ? HookPayload<H> | undefined | void
    : HookModeOf<H> extends "gate"
      ? { deny: string } | undefined | void
      : HookModeOf<H> extends "claim"
        ? unknown
        : void;

/** What firing returns, by mode. */
export type HookOutcome<H extends HookName> =
  HookModeOf<H> extends "transform" | "transform-sync"
    ? HookPayload<H>
    : HookModeOf<H> extends "gate"
      ? { allowed: true } | { allowed: false; reason: string; by: string }
      : HookModeOf<H> extends "claim"
        ? { by: string; answer: unknown } | undefined
        : void;

export type HookHandler<H extends HookName> = (payload: HookPayload<H>, call: Call) => Maybe<HookAnswer<H>>;

export type Disposer = () => void | Promise<void>;

export interface Store {
  get<T = unknown>(key: string): Promise<T | undefined>;
  /** @param ttlMs removes the value after so many milliseconds. */
  set(key: string, value: unknown, ttlMs?: number): Promise<void>;
  delete(key: string): Promise<boolean>;
  /** Keys that start with `prefix`, sorted. */
  keys(prefix?: string): Promise<string[]>;
  clear(): Promise<void>;
}

export interface Secrets<Name extends string = string> {
  has(name: Name): Promise<boolean>;
  /** A handle to put into a request header; the host replaces it on the way to a granted host. */
  handle(name: Name): string;
}

export interface FetchOptions {
  method?: string;
  headers?: Record<string, string>;
  body?: string | Uint8Array;
  signal?: AbortSignal;
  /** Longest time to the response's head, in milliseconds; default 30 000. */
  timeoutMs?: number;
  /** Largest response body in bytes; default 64 MiB. */
  maxBytes?: number;
  /** `manual`: a redirect is the answer and is not followed. Default `follow`: up to five, each address checked again. */
  redirect?: "follow" | "manual";
}

/** The part of a fetch Response that exists in every tier. */
export interface FetchResponse {
  readonly status: number;
  readonly ok: boolean;
  readonly headers: Readonly<Record<string, string>>;
  /** Body chunks as they arrive; read at most once. */
  readonly body: AsyncIterable<Uint8Array>;
  text(): Promise<string>;
  json(): Promise<unknown>;
}

export interface Log {
  debug(message: string, fields?: Record<string, unknown>): void;
  info(message: string, fields?: Record<string, unknown>): void;
  warn(message: string, fields?: Record<string, unknown>): void;
  error(message: string, fields?: Record<string, unknown>): void;
}

export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Resolves after `ms`; rejects when the signal aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** Values that live as long as one conversation or one run; disposed with it. */
export interface Scope {
  /** The value under `token`, made on first use. A value with `dispose()` is disposed with the scope. */
  get<T>(token: string, make: () => T): T;
  dispose(): Promise<void>;
}

/** Everything an extension can reach. The same in each tier. */
export interface Context<M extends ManifestTypes = AnyManifest> {
  readonly id: string;
  readonly version: string;
  /** Checked against the manifest's schema, defaults filled in. */
  readonly config: Readonly<M["config"]>;
  /** Aborted when the extension is stopped. */
  readonly signal: AbortSignal;
  readonly store: Store;
  readonly secrets: Secrets<M["secrets"]>;
  readonly log: Log;
  readonly clock: Clock;
  /** Declared environment variables that are set. */
  readonly env: Readonly<Partial<Record<M["env"], string>>>;
  /** Absolute path of its own folder (permission `fs: ["data"]`). Throws PLINTH_UNDECLARED without it. */
  readonly dataDir: string;
  use<C extends ContractId & M["uses"]>(contract: C): Uses<C>;
  provide<C extends ContractId & keyof M["provides"]>(contract: C, id: M["provides"][C] & string, provider: Provider<C>): void;
  readonly hooks: {
    on<H extends HookName & M["hooks"]>(hook: H, handler: HookHandler<H>): void;
    /** Fire a hook of a contract that this extension provides. */
    fire<H extends HookName>(hook: H, payload: HookPayload<H>, options?: CallOptions): Promise<HookOutcome<H>>;
  };
  fetch(url: string, options?: FetchOptions): Promise<FetchResponse>;
  /** A WebSocket to a granted host. */
  connect(url: string, options?: SocketOptions): Promise<Socket>;
  readonly files: Files;
  /** Run a granted program (permission `exec`) to its end, without a shell, seeing granted folders only, with no network but `net`. */
  exec(program: string, args?: readonly string[], options?: ExecOptions): Promise<ExecResult>;
  /** The same, to speak with it while it runs: an agent, a language server, whatever wants a terminal. */
  spawn(program: string, args?: readonly string[], options?: SpawnOptions): Promise<Program>;
  /** Check a value against a JSON Schema of unknown origin, away from this thread. Resolves to problems; [] = fits. */
  validate(schema: unknown, value: unknown): Promise<{ path: string; message: string }[]>;
  /** Run `body` as new work for a principal whose identity this extension has proven (permission `principals`). */
  work<T>(principal: Principal, body: () => Promise<T>): Promise<T>;
  /** The work that the current call belongs to. */
  currentWork(): Work | undefined;
  /**
   * Say that the current work has met text of others, such as a fetched page: from now on it does less by itself.
   * Nothing takes it back. A third party can name nobody but `outside`.
   *
   * @param party `outside`, or whose words they are.
   * @param how in plain words, at most 120 characters.
   */
  lower(party: string, how: string): Promise<void>;
  /** A scope by name, such as `session:x`; the same name gives the same scope until it is disposed. */
  scope(name: string): Scope;
  /** Register something to undo when the extension stops, newest first. */
  effect(label: string, dispose: Disposer): Disposer;
}

export interface Extension<M extends ManifestTypes = AnyManifest> {
  /** Called once, on first use: provide what the manifest declares, subscribe, start. May return its own disposer. */
  activate(context: Context<M>): Maybe<void | Disposer>;
}
