import { type Call, isProduct, PlinthError } from "@plinth/sdk";
import type { Database, SessionRow } from "./database.ts";

const MIB = 1_048_576;
const DAY_MS = 86_400_000;
/** Of one session, whoever writes it. Owners start another one; nothing is lost. */
const SESSION_BYTES = 64 * MIB;
/** Of one origin that is not the owner: at once, and again with each day that passes. */
const ORIGIN_BYTES = 16 * MIB;

/** On whose behalf somebody writes; null = the owner or the product itself, whom only a session's own size bounds. */
export function payerOf({ caller, work }: Pick<Call, "caller" | "work">): string | null {
  if (work?.principal.role === "guest") return work.principal.via.slice(0, 200);
  return isProduct(caller) ? null : caller;
}

/** Counts what transcripts take, on the disk beside them, so that a restart forgets nothing. Inside a transaction. */
export function charge(db: Database, { key, bytes }: SessionRow, origin: string | null, adds: number, now: number): void {
  if (bytes + adds > SESSION_BYTES) {
    throw new PlinthError("PLINTH_SESSION_FULL", `The session "${key}" is full: its transcript may take ${SESSION_BYTES / MIB} MiB.`, {
      next: "Go on in a new session.",
    });
  }
  if (origin === null) return;
  const { level = 0, at = now } = (db.get("origin", origin) ?? {}) as { level?: number; at?: number };
  const left = Math.max(0, level - (Math.max(0, now - at) / DAY_MS) * ORIGIN_BYTES);
  if (left + adds > ORIGIN_BYTES) {
    throw new PlinthError("PLINTH_QUOTA", `${origin} used up its budget: ${ORIGIN_BYTES / MIB} MiB of transcripts a day.`, {
      extension: origin,
      next: "Wait, or look at what it writes: plinth sessions list",
    });
  }
  db.run("spent", origin, Math.ceil(left + adds), Math.floor(now));
}
