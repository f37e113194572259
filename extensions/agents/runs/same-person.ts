import type { Run } from "./run.ts";
import type { Submission } from "./submission.ts";

/** Only what the same person said, with nobody else's hand in it or the same ones', goes together. */
export function sameOrigin(one: Run, other: Run): boolean {
  const of = ({ principal, origin }: Run) => JSON.stringify([principal?.role, principal?.via, principal?.name, origin]);
  return of(one) === of(other);
}

/** And what was said in another place does not count here. */
export function samePlace(one: Run, other: Run): boolean {
  return one.from.surface === other.from.surface && one.from.sender === other.from.sender && sameOrigin(one, other);
}

/** What two messages must have in common to be one turn; undefined for one that is always answered by itself. */
export function togetherAs({ surface, sender, model, system, replyTo, expectedHead, history, tools, options }: Submission): string | undefined {
  const alone = [replyTo, expectedHead, history, tools, options].some((one) => one !== undefined);
  return alone ? undefined : JSON.stringify([surface, sender, model, system]);
}
