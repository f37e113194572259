/** Something that an operator should know, and the one thing to do about it. */
export interface Finding {
  /** An extension's id, or `host`. */
  extension: string;
  code: string;
  /** `problem`: something does not work. `notice`: it works, and this is worth knowing. */
  severity: "problem" | "notice";
  /** Goes on after the id: `is in quarantine`. */
  what: string;
  why: string;
  /** One sentence or command. */
  next: string;
  /** What `--fix` does about it; only what takes nothing away and allows nothing new. */
  fix?: "enable";
}
