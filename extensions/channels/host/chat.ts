import type { Call, Provider } from "@plinth/sdk";
import { PlinthError } from "@plinth/sdk";
import { turn } from "./actions.ts";
import { assertOwner } from "./callers.ts";
import type { Channels } from "./channels.ts";
import { askingLine, personLine, statusLine } from "./shown.ts";

type Input = Parameters<Provider<"plinth.chat-command">["run"]>[0];

/** `/channels`, `/channels pair CODE`, `/channels start|stop CHANNEL`. */
export async function* chatCommand(channels: Channels, { args }: Input, call: Call): AsyncGenerator<{ text: string }> {
  assertOwner(call);
  const [what = "", which, ...rest] = args.split(/\s+/);
  if (rest.length > 0) throw usage();
  if (what === "") {
    const [all, asking] = [await channels.status(), channels.people.asking()];
    if (all.length === 0) return yield { text: "No channel is installed." };
    yield { text: listed(all.map((one) => statusLine(one, Date.now()))) };
    if (asking.length > 0) yield { text: `Wait to be let in:\n\n${listed(asking.map(askingLine))}` };
  } else if (what === "pair" && which !== undefined) {
    // Only in a shell somebody becomes the owner.
    yield { text: `Let in: ${code(personLine(channels.people.pair(which, "guest")))}` };
  } else if ((what === "start" || what === "stop") && which !== undefined) {
    yield { text: listed((await turn(channels, which, undefined, what === "start")).map((one) => statusLine(one, Date.now()))) };
  } else throw usage();
}

const code = (text: string): string => `\`${text.replaceAll("`", "'")}\``;
const listed = (lines: readonly string[]): string => lines.map((line) => `- ${code(line)}`).join("\n");

const usage = (): PlinthError =>
  new PlinthError("PLINTH_USAGE", "Type /channels, /channels pair CODE, /channels start CHANNEL or /channels stop CHANNEL.");
