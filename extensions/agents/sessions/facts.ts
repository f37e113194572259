import type { SessionRow } from "./database.ts";

/** What is noted about a session beside its entries. */
export interface Facts {
  title?: string;
  /** true: the title was made of a message. false: somebody took the title away, and none is made. Absent: given, or none yet. */
  made?: boolean;
  labels?: string[];
  agent?: string;
  parent?: string;
  forkOf?: { key: string; entry: string | null };
}

export function factsOf({ facts }: Pick<SessionRow, "facts">): Facts {
  try {
    return facts === null ? {} : (JSON.parse(facts) as Facts);
  } catch {
    return {};
  }
}

/** A title that was made of a message goes with the conversation that began with it. */
export function withoutMadeTitle({ title, made, ...facts }: Facts): Facts {
  if (made === true) return facts;
  return { ...facts, ...(title === undefined ? {} : { title }), ...(made === undefined ? {} : { made }) };
}
