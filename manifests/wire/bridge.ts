import type { Influence } from "../origin/origin.ts";
import type { Manifest } from "../schema/extension.ts";

export interface Principal {
  role: "owner" | "guest" | "system";
  via: string;
  name?: string;
  /** What the work is for, such as { session: "main", agent: "main" }: scoped grants hold only where theirs agrees. */
  scope?: Readonly<Record<string, string>>;
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

/** What ends a call before its answer. Every AbortSignal is one; a call in this process is one that costs less. */
export interface Aborts {
  readonly aborted: boolean;
  readonly reason: unknown;
  addEventListener(type: "abort", listener: { handleEvent(): void }): void;
  removeEventListener(type: "abort", listener: { handleEvent(): void }): void;
}

/** What the receiver of a call is told about it. */
export interface CallInfo {
  readonly signal: AbortSignal;
  /** The same for who only waits for the answer, until it is there: no signal is made for it. */
  readonly aborts?: Aborts;
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
  /** Of the product, or run by the operator inside the host; everybody else is a third party. */
  readonly trusted: boolean;
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
  redirect?: "follow" | "manual" | undefined;
}

/** First item of a fetch stream; the others are body chunks. */
export interface FetchHead {
  status: number;
  headers: Record<string, string>;
}

export interface SocketRequest {
  url: string;
  protocols?: string[] | undefined;
  headers?: Record<string, string> | undefined;
}

/** First `open`, then messages as they come, `close` at the end. */
export type SocketItem = { open: string; protocol: string } | { text: string } | { binary: Uint8Array } | { close: number; reason: string };

/** Paths begin with `data`, with `workspace`, or are absolute within a granted folder. `read` answers with bytes. */
export type FilesRequest =
  | { op: "read"; path: string; offset?: number | undefined; length?: number | undefined }
  | { op: "write"; path: string; body: string; base64?: boolean | undefined; append?: boolean | undefined; exclusive?: boolean | undefined }
  | { op: "list" | "stat" | "mkdir"; path: string }
  | { op: "remove"; path: string; recursive?: boolean | undefined }
  | { op: "rename"; path: string; to: string };

export interface FileInfo {
  name: string;
  /** A link is neither followed nor opened; `other` is what is no file: a device, a pipe, a socket. */
  kind: "file" | "folder" | "link" | "other";
  size: number;
  /** Milliseconds since the epoch. */
  modifiedAt: number;
}

export interface ExecRequest {
  program: string;
  args: string[];
  /** A granted folder or one below it. */
  cwd?: string | undefined;
  /** What it reads as its standard input: text, or bytes as base64 when `base64` is set. */
  input?: string | undefined;
  base64?: boolean | undefined;
  timeoutMs?: number | undefined;
  maxBytes?: number | undefined;
  /** Its input stays open and it can be spoken to: the first item names it. */
  duplex?: boolean | undefined;
  /** Besides what every program gets; values may hold secrets' handles, where the grant pins the program. */
  env?: Record<string, string> | undefined;
  /** Of the granted folders only these, as in `permissions.fs`; default all of them. */
  folders?: string[] | undefined;
  /** Hosts that it may reach through the host, as in `permissions.net`; true: all that were granted. Default none. */
  net?: true | string[] | undefined;
  /** A terminal of this size instead of three pipes. What it prints is then all stdout. */
  pty?: TerminalSize | undefined;
}

export interface TerminalSize {
  columns: number;
  rows: number;
}

/** With `duplex` first `open`; output as it comes, and how it ended. */
export type ExecItem = { open: string } | { stdout: Uint8Array } | { stderr: Uint8Array } | { code: number | null; signal: string | null };

/** What a program asked of the network, and whether it was refused; or so many bytes that went either way. The host's own business. */
export interface Reached {
  what: string;
  bytes: number;
  refused?: unknown;
}

/** What is said to an open program. `write` is done when there is room for more. */
export type ExecMessage = { write: string | Uint8Array } | { end: true } | { signal: string } | { resize: TerminalSize };

export interface WorkData {
  readonly id: string;
  readonly principal: Principal;
  readonly generation: number;
  /** Whose hands it went through so far, besides the owner's and the product's; [] while it is the principal's own. */
  readonly influences: readonly Influence[];
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
  socket(request: SocketRequest, signal: AbortSignal | undefined): AsyncIterable<SocketItem>;
  /** Resolves when there is room for the next message. */
  socketSend(id: string, data: string | Uint8Array): Promise<void>;
  socketClose(id: string, code?: number, reason?: string): Promise<void>;
  files(request: FilesRequest): Promise<unknown>;
  exec(request: ExecRequest, signal: AbortSignal | undefined): AsyncIterable<ExecItem>;
  /** To a program that was opened with `duplex`. */
  execSend(id: string, message: ExecMessage): Promise<void>;
  secretExists(name: string): Promise<boolean>;
  validate(schema: unknown, value: unknown): Promise<{ path: string; message: string }[]>;
  work<T>(principal: Principal, body: () => Promise<T>): Promise<T>;
  currentWork(): WorkData | undefined;
  /** The current work has met text of others: from now on it does less by itself. Third parties name nobody but `outside`. */
  lower(party: string, how: string): Promise<void>;
  log(level: LogLine, message: string, fields: Record<string, unknown> | undefined): void;
}
