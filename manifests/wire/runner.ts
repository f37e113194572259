import type { Manifest } from "../schema/extension.ts";
import type { Bridge, CallInfo, InstanceInfo, LogLine, WorkData } from "./bridge.ts";

/** An extension running in a tier. Calls may throw anything; the host gives errors their owner. */
export interface Runner {
  /** Load the code and activate it. */
  start(): Promise<void>;
  invoke(contract: string, id: string, method: string, input: unknown, call: CallInfo): unknown;
  stream(contract: string, id: string, method: string, input: unknown, call: CallInfo): AsyncIterable<unknown>;
  hook(name: string, payload: unknown, call: CallInfo): unknown;
  /** Tell it the new values of its hot configuration. */
  configure(config: Record<string, unknown>): void;
  /** Undo everything; resolves when nothing of it runs any more. */
  stop(reason: Error): Promise<void>;
  /** Settles when it ends by itself; null where it cannot. */
  readonly ended: Promise<Error> | null;
  /** What it costs now; absent where it cannot be told apart from the host. */
  usage?(): Usage;
}

/** Of one extension. CPU time counts since it started and never falls, also over restarts within the runner. */
export interface Usage {
  readonly cpuMs: number;
  readonly memoryBytes: number;
  /** The process it lives in; several extensions of one publisher may share one. */
  readonly pid: number | null;
  /** The host's own time that went into it, in milliseconds: reading what it sends, answering what it asks. Never falls. */
  readonly hostMs?: number;
}

/** What a tier needs to run one extension. */
export interface RunnerInput {
  readonly manifest: Manifest;
  readonly info: InstanceInfo;
  /** Everything that it may ask of the host, with every check behind it. */
  readonly bridge: Bridge;
  /** The entry's code, read while the package was checked against the digest that was consented to. */
  source(): Promise<string>;
  /** Who its code is trusted with: extensions with the same value may share a process. A publisher's key; without a signature its own id. */
  readonly trust: string;
  /** `require-full`: refuse to run behind less than the whole wall. */
  readonly sandbox: "best" | "require-full";
  /** Absolute path that the permission `workspace` means. */
  readonly workspace: string;
  /** Run as a part of work that a call brought in; undefined = of no work at all. */
  within<T>(work: WorkData | undefined, body: () => T): T;
  onLog(level: LogLine, message: string): void;
}
