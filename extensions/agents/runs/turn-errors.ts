import { PlinthError } from "@plinth/sdk";

export function unfinished(harness: string): PlinthError {
  return new PlinthError("PLINTH_HARNESS", `The harness ${harness} stopped without an answer.`, { next: "Send the message again." });
}

export function timedOut(ms: number): PlinthError {
  return new PlinthError("PLINTH_TURN_TIMEOUT", `The turn took longer than ${Math.round(ms / 1000)} s and was stopped.`, {
    next: 'Ask for a smaller step, or raise extensions["plinth.runs"].config.turnTimeoutMs.',
  });
}

/** Of what aborts a turn: nobody wanted it. */
export const isFailure = (code: string): boolean => code === "PLINTH_TURN_TIMEOUT" || code === "PLINTH_TURN_STUCK";
