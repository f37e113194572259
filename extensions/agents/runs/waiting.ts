import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Client, type Context, errorInfo, type MessageOrigin, type Principal } from "@plinth/sdk";
import type { Submission } from "./submission.ts";

/** How long an input is this host's unless it says again that it is: so long it waits after a host that died. */
const HOLD_MS = 6_000;
const HOLD_AGAIN_MS = 2_000;

/** A message that another host, or this one before it died, took in. */
export interface Left {
  input: Submission & { runId: string; sessionKey: string };
  principal: Principal | undefined;
  origin: MessageOrigin | undefined;
}

/**
 * Messages are in the store before anybody is told that they were taken in. Each goes with the claim of its turn; what a dead
 * host left is taken over when its hold has expired. A store without a queue has none.
 */
export class Waiting {
  readonly #ctx: Context;
  readonly #store: Client<"plinth.session-store">;
  readonly #ids = new Set<string>();
  readonly #marker: string;
  #timer: NodeJS.Timeout | undefined;
  #unsupported = false;
  #marked = false;

  constructor(ctx: Context, store: Client<"plinth.session-store">) {
    this.#ctx = ctx;
    this.#store = store;
    this.#marker = join(ctx.dataDir, "waiting");
  }

  /** Whether a host before this one may have left something; without looking into the store. */
  get left(): boolean {
    return existsSync(this.#marker);
  }

  /** True when it is in the store; false where the store has no queue, or the run is known there. */
  async add({ runId, sessionKey, ...input }: Submission & { runId: string; sessionKey: string }, principal: Principal | undefined): Promise<boolean> {
    if (this.#unsupported) return false;
    this.#mark();
    try {
      const kept = { ...input, ...(principal?.name === undefined ? {} : { principalName: principal.name }) };
      const { fresh } = await this.#store.enqueue({ key: sessionKey, id: runId, input: kept, ttlMs: HOLD_MS });
      if (fresh) this.#ids.add(runId);
      return fresh;
    } catch (error) {
      if (errorInfo(error).code !== "PLINTH_UNSUPPORTED") throw error;
      this.#unsupported = true;
      return false;
    }
  }

  /** It went with its turn's claim. */
  gone(runId: string): void {
    this.#ids.delete(runId);
  }

  /** It will have no turn. */
  async withdraw(runId: string): Promise<boolean> {
    if (!this.#ids.delete(runId)) return false;
    const { withdrawn } = await this.#store.withdraw({ id: runId });
    return withdrawn;
  }

  /** Hold what waits here, and look for what others left, until it is stopped. */
  watch(found: (left: Left) => void): void {
    if (this.#timer !== undefined) return;
    const look = () =>
      this.#look(found).catch((error: unknown) => this.#ctx.log.warn("Waiting messages could not be looked at.", { ...errorInfo(error) }));
    this.#timer = setInterval(look, HOLD_AGAIN_MS).unref();
    void look();
  }

  stop(): void {
    clearInterval(this.#timer);
    if (this.#marked && this.#ids.size === 0) rmSync(this.#marker, { force: true });
  }

  async #look(found: (left: Left) => void): Promise<void> {
    if (this.#unsupported) return;
    try {
      if (this.#ids.size > 0) await this.#store.hold({ ids: [...this.#ids], ttlMs: HOLD_MS });
      const { inputs } = await this.#store.take({ ttlMs: HOLD_MS });
      for (const { key, id, input, origin } of inputs) {
        if (this.#ids.has(id)) continue;
        this.#ids.add(id);
        const { principalName, ...rest } = input as unknown as Submission & { principalName?: string };
        const principal = principalOf(origin, principalName);
        found({ input: { ...rest, runId: id, sessionKey: key, detached: true }, principal, origin });
      }
    } catch (error) {
      if (errorInfo(error).code !== "PLINTH_UNSUPPORTED") throw error;
      this.#unsupported = true;
    }
  }

  #mark(): void {
    if (this.#marked) return;
    this.#marked = true;
    writeFileSync(this.#marker, "Messages may wait in the session store.\n", { mode: 0o600 });
  }
}

/** Whose work it was; nobody's where the store does not say. */
function principalOf(origin: MessageOrigin | undefined, name: string | undefined): Principal | undefined {
  if (origin === undefined || origin.by === "system") return undefined;
  return { role: origin.by, via: origin.via ?? "unknown", ...(name === undefined ? {} : { name }) };
}
