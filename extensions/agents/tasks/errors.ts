import { PlinthError } from "@plinth/sdk";

export const unknown = (id: string): PlinthError =>
  new PlinthError("PLINTH_TASK_UNKNOWN", `There is no task "${id.slice(0, 80)}".`, { next: "plinth tasks list shows those there are." });

export const over = (id: string, status: string): PlinthError =>
  new PlinthError("PLINTH_TASK_OVER", `The task "${id}" is over: ${status}.`, { next: "Begin another one, with an id of its own." });

export const stopped = (parent: string): PlinthError =>
  new PlinthError("PLINTH_TASK_OVER", `The task "${parent}" is over or about to be cancelled: it begins nothing any more.`, {
    next: "Begin a task without a parent, if somebody wants it still.",
  });

export const fenced = (id: string): PlinthError =>
  new PlinthError("PLINTH_TASK_FENCED", `Somebody else holds the task "${id}", or nobody holds it any more.`, {
    next: "Stop working on it: what comes of it is for whoever holds it to say.",
  });

export const moved = (id: string, revision: number): PlinthError =>
  new PlinthError("PLINTH_TASK_MOVED", `The task "${id}" changed meanwhile: its revision is ${revision}.`, { next: "Read it and decide again." });

export const notYours = (id: string, caller: string): PlinthError =>
  new PlinthError("PLINTH_PERMISSION", `${caller} does not run the task "${id}".`, {
    extension: caller,
    next: "The extension that noted it claims and changes it; others may ask for it to be cancelled.",
  });

export const tooLarge = (id: string): PlinthError =>
  new PlinthError("PLINTH_TASK_TOO_LARGE", `What came of the task "${id}" takes more than 256 KiB.`, {
    next: "Keep it as an artifact or in a session, and name that in the result.",
  });

export const tooMany = (whose: string, most: number): PlinthError =>
  new PlinthError("PLINTH_QUOTA", `${whose} has ${most} tasks in the ledger, which is all that one may have.`, {
    extension: whose,
    next: "Wait until old ones are removed; the owner sees them with plinth tasks list.",
  });
