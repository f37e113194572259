import type { MessageOrigin, ModelMessage, TranscriptEntry } from "@plinth/sdk";
import type { Writer } from "./ledger.ts";
import { SYSTEM } from "./origin.ts";
import { SessionStore, type StoreOptions } from "./store.ts";

const HOST: Writer = { origin: SYSTEM, payer: null };

interface Append {
  key: string;
  runId?: string;
  bodies: TranscriptEntry["body"][];
  idempotencyKey?: string;
  expectedHead?: string | null;
}

/** A store as one process uses it: it remembers what its claims gave. */
export class Process {
  readonly store: SessionStore;
  readonly #fences = new Map<string, number>();

  private constructor(store: SessionStore) {
    this.store = store;
  }

  static async open(options: StoreOptions): Promise<Process> {
    return new Process(await SessionStore.open(options));
  }

  async beginRun({ key, runId, message, ttlMs = 10_000 }: { key: string; runId: string; message?: ModelMessage; ttlMs?: number }, writer = HOST) {
    const claimed = await this.store.claims.claim({ key, runId, ttlMs, ...(message ? { message } : {}) }, writer);
    this.#fences.set(`${key}/${runId}`, claimed.fence);
    return claimed;
  }

  renew({ key, runId, ttlMs = 10_000 }: { key: string; runId: string; ttlMs?: number }, writer = HOST) {
    return this.store.claims.renew({ key, runId, fence: this.#fence(key, runId), ttlMs }, writer);
  }

  append({ runId, ...input }: Append, writer = HOST) {
    const held = runId === undefined ? {} : { runId, fence: this.#fence(input.key, runId) };
    return this.store.claims.append({ ...input, ...held }, writer);
  }

  endRun(
    input: { key: string; runId: string; status: "ok" | "error" | "aborted"; model?: string; bodies?: TranscriptEntry["body"][] },
    origin: MessageOrigin = SYSTEM,
    caller = "host",
  ) {
    return this.store.claims.release({ ...input, fence: this.#fence(input.key, input.runId) }, { ...HOST, origin, caller });
  }

  history(input: { key: string; limit?: number; before?: string }) {
    return this.store.history(input);
  }

  list(input: { limit?: number; cursor?: string } = {}) {
    return this.store.catalogue.list(input);
  }

  setHead(input: { key: string; head: string | null }, origin: MessageOrigin = SYSTEM) {
    return this.store.catalogue.setHead(input, origin);
  }

  close(): void {
    this.store.close();
  }

  #fence(key: string, runId: string): number {
    return this.#fences.get(`${key}/${runId}`) ?? 1_000_000;
  }
}
