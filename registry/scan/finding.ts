/** What a check tells people about a package. */
export interface Finding {
  /** The power that it is about: net, fs, env, exec, code, text for what is written for people and models, or tools for what vendors take of them. */
  capability: "net" | "fs" | "env" | "exec" | "code" | "text" | "tools";
  /** information: as declared, or harmless. warning: look at it. danger: it does not fit what it says of itself. */
  level: "information" | "warning" | "danger";
  message: string;
  file?: string;
  /** Counted from 1. */
  line?: number;
}

export const LEVELS: readonly Finding["level"][] = ["information", "warning", "danger"];
