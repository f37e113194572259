import type { Manifest } from "../schema/extension.ts";

export interface Principal {
  role: "owner" | "guest" | "system";
  via: string;
  name?: string;
}

export interface CallOptions {
  signal?: AbortSignal | undefined;
  deadlineMs?: number | undefined;
}

export interface ExtensionStore {
  get(key: string): Promise<unknown>;
  set(key: string, value: unknown, ttlMs?: number): Promise<void>;
  delete(key: string): Promise<boolean>;
  keys(prefix?: string): Promise<string[]>;
  clear(): Promise<void>;
}

/** What the receiver of a call is told about it. */
export interface CallInfo {
  readonly signal: AbortSignal;
  readonly caller: string;
  readonly work: WorkData | undefined;
}

export type ProviderObject = Record<string, ((input: unknown, call: CallInfo) => unknown) | undefined>;
export type HookHandler = (payload: unknown, call: CallInfo) => unknown;

/** What an instance is made of besides its code. */
export interface InstanceInfo {
  readonly manifest: Manifest;
  readonly config: unknown;
  readonly env: Readonly<Record<string, string>>;
  readonly dataDir: string | null;
  /** Methods of the used contracts; true = stream. */
  readonly methods: Readonly<Record<string, Readonly<Record<string, boolean>>>>;
}

/** Where an extension's registrations go: the container in the host, maps in a child process. They check what is declared. */
export interface Registrations {
  provide(contract: string, id: string, provider: ProviderObject): void;
  on(hook: string, handler: HookHandler): void;
  scope(name: string): { get<T>(token: string, make: () => T): T; dispose(): Promise<void> };
}

/**
 * What a host runs: the default export of an extension's entry, made by the SDK. `plinth` is the version of this
 * interface. The SDK that an extension was built with makes its context from the bridge.
 */
export interface ExtensionObject {
  readonly plinth: 1;
  start(bridge: Bridge, info: InstanceInfo, registrations: Registrations): Promise<{ stop(reason: Error): Promise<void> }>;
}

export interface CapabilityData {
  readonly id: string;
  readonly extension: string;
  readonly version: string;
  readonly descriptor: unknown;
}

export interface FetchRequest {
  url: string;
  method?: string | undefined;
  headers?: Record<string, string> | undefined;
  /** Text, or bytes as base64 when `base64` is set. */
  body?: string | undefined;
  base64?: boolean | undefined;
  timeoutMs?: number | undefined;
  maxBytes?: number | undefined;
}

/** First item of a fetch stream; the others are body chunks. */
export interface FetchHead {
  status: number;
  headers: Record<string, string>;
}

export interface WorkData {
  readonly id: string;
  readonly principal: Principal;
  readonly generation: number;
}

export type LogLine = "debug" | "info" | "warn" | "error";

/**
 * Everything an extension can ask of the host. The broker implements it with every check; in the process tier it is
 * reached over the frame protocol. The context that authors see is made from it, the same in each tier.
 */
export interface Bridge {
  list(contract: string): Promise<CapabilityData[]>;
  call(contract: string, id: string | null, method: string, input: unknown, options: CallOptions): Promise<unknown>;
  open(contract: string, id: string | null, method: string, input: unknown, options: CallOptions): AsyncIterable<unknown>;
  fire(hook: string, payload: unknown, options: CallOptions): Promise<unknown>;
  store(): Promise<ExtensionStore>;
  fetch(request: FetchRequest, signal: AbortSignal | undefined): AsyncIterable<FetchHead | Uint8Array>;
  secretExists(name: string): Promise<boolean>;
  validate(schema: unknown, value: unknown): Promise<{ path: string; message: string }[]>;
  work<T>(principal: Principal, body: () => Promise<T>): Promise<T>;
  currentWork(): WorkData | undefined;
  log(level: LogLine, message: string, fields: Record<string, unknown> | undefined): void;
}
