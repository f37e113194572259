import type { Call } from "@plinth/sdk";
import { assertOwner, type Roster } from "./roster.ts";
import { agentLines } from "./words.ts";

/** `/agents`: who there is, and what each answers. Nothing is changed in a conversation. */
export async function* chatCommand(roster: Roster, call: Call): AsyncGenerator<{ text: string }> {
  assertOwner(call);
  const lines = (await roster.list()).flatMap(agentLines);
  yield { text: lines.map((line) => (line.startsWith("  ") ? `  - ${code(line.trim())}` : `- ${code(line)}`)).join("\n") };
}

const code = (text: string): string => `\`${text.replaceAll("`", "'")}\``;
