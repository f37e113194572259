import { type Call, type Client, PlinthError, visible } from "@plinth/sdk";
import type { Refresh } from "./refreshed.ts";

type Run = Client<"plinth.cli-command">["run"];
type TerminalItem = ReturnType<Run> extends AsyncIterable<infer Item> ? Item : never;

const SHOWN = 40;

/** `plinth models refresh VENDOR`: what it lists now, against what was known. */
export async function* refreshCommand(
  { args, terminal }: Parameters<Run>[0],
  { work }: Pick<Call, "work">,
  refresh: (provider: string) => Promise<Refresh>,
): AsyncGenerator<TerminalItem> {
  if (work?.principal.role !== "owner")
    throw new PlinthError("PLINTH_NOT_OWNER", "The owner's providers are asked by the owner.", { next: "Run it in a shell on the machine." });
  const provider = typeof args.provider === "string" ? args.provider : "";
  const { models, known, added, gone } = await refresh(provider);
  if (terminal.json) return yield { result: { provider, models: models.length, known, added, gone } };
  const name = visible(provider, { max: 128 });
  const part = (title: string, ids: readonly string[]): string => {
    if (ids.length === 0) return "";
    const lines = ids.slice(0, SHOWN).map((id) => `  ${name}/${visible(id, { max: 256 })}\n`);
    return `\n${title}\n${lines.join("")}${ids.length > SHOWN ? `  … ${ids.length - SHOWN} more\n` : ""}`;
  };
  const nothing = added.length === 0 && gone.length === 0 ? "\nNothing is new, and nothing is gone.\n" : "";
  const head = `${name} lists ${models.length} model${models.length === 1 ? "" : "s"}; ${known} ${known === 1 ? "was" : "were"} known.\n`;
  yield { out: `${head}${part("New", added)}${part("Gone", gone)}${nothing}\nThe list is kept: plinth models ${name}\n` };
}
