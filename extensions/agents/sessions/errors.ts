import { PlinthError } from "@plinth/sdk";

export function checkKey(key: string): void {
  // Half a character is kept as the sign for something unreadable, as is every other half: two keys would be one.
  if (typeof key === "string" && key.length >= 1 && key.length <= 256 && key.isWellFormed()) return;
  throw new PlinthError("PLINTH_SESSION_KEY", "A session key has 1 to 256 characters, whole ones.", { next: "Use another key." });
}

export const busy = (key: string, runId: string): PlinthError =>
  new PlinthError("PLINTH_SESSION_BUSY", `The session "${key}" is held by the run ${runId}.`, { next: "Wait until that run ends, or stop it." });

export const fenced = (key: string, runId: string): PlinthError =>
  new PlinthError("PLINTH_SESSION_FENCED", `The run ${runId} does not hold the session "${key}".`, {
    next: "Send the message again; it starts a new run.",
  });

export const ran = (key: string, runId: string): PlinthError =>
  new PlinthError("PLINTH_SESSION_RAN", `The run ${runId} of the session "${key}" has ended before.`, { next: "Use a new run id." });

export const moved = (key: string, head: string | null): PlinthError =>
  new PlinthError("PLINTH_SESSION_MOVED", `The session "${key}" went on: its head is ${head ?? "nothing"}.`, {
    next: "Read its history and decide again.",
  });

export const taken = (id: string): PlinthError =>
  new PlinthError("PLINTH_SESSION_TAKEN", `The input ${id} does not wait any more.`, { next: "Follow the run that answers it." });

export const unknown = (key: string): PlinthError =>
  new PlinthError("PLINTH_SESSION_UNKNOWN", `There is no session "${key}".`, { next: "plinth sessions list shows those there are." });

export const exists = (key: string): PlinthError =>
  new PlinthError("PLINTH_SESSION_EXISTS", `There is a session "${key}" already.`, { next: "Use another key." });

export const unknownEntry = (key: string, id: string): PlinthError =>
  new PlinthError("PLINTH_SESSION_ENTRY_UNKNOWN", `The session "${key}" has no entry ${id}.`, { next: "Take an id from the session's history." });

export const notYours = (key: string): PlinthError =>
  new PlinthError("PLINTH_PERMISSION", `The session "${key}" holds others' words; only an owner decides what becomes of it.`, {
    extension: "plinth.sessions",
    next: "Use a session of your own.",
  });

export const decided = (what: string, caller: string): PlinthError =>
  new PlinthError("PLINTH_PERMISSION", `${caller} may write messages and notes of its own into a session, and no ${what.slice(0, 80)}.`, {
    extension: caller,
    next: "Have a turn run it with plinth.turns, or claim a session of your own.",
  });

export const ownersOnly = (what: string): PlinthError =>
  new PlinthError("PLINTH_PERMISSION", `${what} is for the owner only; this is the work of a guest or of an extension.`, {
    extension: "plinth.sessions",
    next: "The owner can do it on the page or in a shell.",
  });
