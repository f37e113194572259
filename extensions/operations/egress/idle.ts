import type { Agent } from "node:http";

/** Connections that are kept for a next request take descriptors of the host: of all extensions, only so many. */
export class Idle {
  readonly #most: number;
  readonly #kept: () => Iterable<ReadonlyMap<string, Agent>>;

  /** @param kept the agents of each extension, those used longest ago first. */
  constructor(most: number, kept: () => Iterable<ReadonlyMap<string, Agent>>) {
    this.#most = most;
    this.#kept = kept;
  }

  trim(): void {
    const sockets = [...this.#kept()].flatMap((agents) => [...agents.values()]).flatMap(({ freeSockets }) => Object.values(freeSockets).flat());
    for (const socket of sockets.slice(0, Math.max(0, sockets.length - this.#most))) socket?.destroy();
  }
}
