import { PlinthError } from "@plinth/sdk";

export const unknown = (id: string): PlinthError =>
  new PlinthError("PLINTH_ARTIFACT_UNKNOWN", `There is no artifact ${id.slice(0, 128)}, or not any more.`, {
    next: "Put it again, or ask for it again.",
  });

export const unknownUpload = (): PlinthError =>
  new PlinthError("PLINTH_ARTIFACT_UNKNOWN", "There is no such upload of yours, or it was given up.", { next: "Begin again with the first piece." });

export const tooLarge = (mib: number): PlinthError =>
  new PlinthError("PLINTH_ARTIFACT_TOO_LARGE", `An artifact has at most ${mib} MiB.`, {
    next: 'Send less, or raise extensions["plinth.artifacts"].config.maxMbOfOne.',
  });

export const outside = (id: string, bytes: number): PlinthError =>
  new PlinthError("PLINTH_ARTIFACT_RANGE", `The artifact ${id} has ${bytes} bytes; the range begins behind them.`, {
    next: "Ask for a range within it.",
  });

export const damaged = (sha256: string): PlinthError =>
  new PlinthError("PLINTH_ARTIFACT_DAMAGED", `The bytes of the artifact with the digest ${sha256.slice(0, 12)} are not the ones that were put.`, {
    next: "Restore it from a backup, or drop it.",
  });

/** @param mib what may be kept, with what is on its way. */
export const full = (who: string | null, mib: number): PlinthError =>
  new PlinthError(
    "PLINTH_QUOTA",
    `${who ?? "Everybody together"} may keep ${mib} MiB of artifacts, with unfinished uploads; this one would be more.`,
    {
      ...(who === null ? {} : { extension: who }),
      next: `Drop some, or raise extensions["plinth.artifacts"].config.${who === null ? "maxMb" : "maxMbOfOthers"}.`,
    },
  );

export const notYours = (id: string): PlinthError =>
  new PlinthError("PLINTH_PERMISSION", `The artifact ${id} was put by somebody else.`, { next: "Its owner, or whoever put it, can do that." });

export const busyOf = (who: string, most: number): PlinthError =>
  new PlinthError("PLINTH_QUOTA", `${who} has ${most} uploads open, and may have no more at once.`, {
    extension: who,
    next: "Finish one of them first; one that nobody goes on with is given up after ten minutes.",
  });

export const busy = (): PlinthError => new PlinthError("PLINTH_QUOTA", "Too many uploads are open at once.", { next: "Finish one of them first." });
