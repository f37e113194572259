import type { Call } from "../call.ts";

/** An extension running in a tier. Calls may throw anything; the instance gives errors their owner. */
export interface Runner {
  /** Load the code and activate it. */
  start(): Promise<void>;
  invoke(contract: string, id: string, method: string, input: unknown, call: Call): unknown;
  stream(contract: string, id: string, method: string, input: unknown, call: Call): AsyncIterable<unknown>;
  hook(name: string, payload: unknown, call: Call): unknown;
  /** Tell it the new values of its hot configuration. */
  configure(config: Record<string, unknown>): void;
  /** Undo everything; resolves when nothing of it runs any more. */
  stop(reason: Error): Promise<void>;
  /** Settles when it ends by itself; never for the host tier. */
  readonly ended: Promise<Error> | null;
}

export interface RunnerInput {
  readonly manifest: import("@plinth/manifests").Manifest;
  readonly dir: string;
  readonly bundled: boolean;
  readonly digest: string;
  readonly info: import("@plinth/manifests/wire/bridge.ts").InstanceInfo;
  readonly bridge: import("@plinth/manifests/wire/bridge.ts").Bridge;
  readonly container: import("../container.ts").InstanceContainer;
  readonly workspace: string;
  readonly onLog: (level: "debug" | "info" | "warn" | "error", message: string) => void;
}
