import { type Author, answer, type CommandInput, type TerminalItem, word } from "../command.ts";
import { serviceOf } from "./registry-choice.ts";

type Change = "add" | "remove";

/** `plinth owner add|remove PUBLISHER USER`: who may act for a publisher. */
export const changeOwners = (change: Change) =>
  async function* (author: Author, input: CommandInput, signal: AbortSignal): AsyncIterable<TerminalItem> {
    const { changeOwner, owners } = await import("@plinth/registry");
    const service = await serviceOf(author, input, signal);
    const [publisher, user] = [word(input.args, "publisher") ?? "", word(input.args, "user") ?? ""];
    await changeOwner(service, change, publisher, user);
    const now = await owners(service, publisher);
    yield answer(input, { publisher, user, owners: now }, [
      change === "add" ? `${user} is an owner of ${publisher}.` : `${user} is an owner of ${publisher} no more.`,
      `  owners   ${now.join(", ")}`,
    ]);
  };

/** `plinth owner list PUBLISHER`. */
export async function* listOwners(author: Author, input: CommandInput, signal: AbortSignal): AsyncIterable<TerminalItem> {
  const { owners } = await import("@plinth/registry");
  const publisher = word(input.args, "publisher") ?? "";
  const all = await owners(await serviceOf(author, input, signal), publisher);
  yield answer(input, { publisher, owners: all }, all);
}
