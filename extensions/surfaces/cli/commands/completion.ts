import { PlinthError } from "@plinth/sdk";
import { SCRIPTS } from "../completion.ts";
import type { Run } from "./command.ts";

/** `plinth completion SHELL`: the script that the shell reads. */
export async function completion({ arg, out, result, terminal }: Run): Promise<void> {
  const shell = arg("shell") ?? "";
  const script = Object.hasOwn(SCRIPTS, shell) ? SCRIPTS[shell] : undefined;
  if (script === undefined) {
    throw new PlinthError("PLINTH_SHELL_UNKNOWN", `There is no completion for ${shell.slice(0, 40)}.`, {
      next: `Shells: ${Object.keys(SCRIPTS).join(", ")}.`,
    });
  }
  if (terminal.json) await result({ shell, script });
  else await out(script);
}
