import { PlinthError } from "@plinth/sdk";
import { type Author, answer, type CommandInput, type TerminalItem, word } from "../command.ts";
import { publisherKey } from "./publisher-key.ts";
import { chooseRegistry, serviceOf } from "./registry-choice.ts";

/** `plinth yank ID@VERSION`: withdrawn from the choice of everybody who has not locked it. */
export async function* yankVersion(author: Author, input: CommandInput, signal: AbortSignal): AsyncIterable<TerminalItem> {
  const { id, version } = named(input);
  const undo = input.options.undo === true;
  const reason = undo ? null : said(input, "reason");
  const registry = await chooseRegistry(author, input);
  if (registry.kind === "folder") {
    if (reason === null) throw serviceOnly("taken back");
    const { yank } = await import("@plinth/registry");
    const { key } = await publisherKey(author, input, id.split(".")[0]!, false);
    await yank({ registry: registry.folder, id, version, reason, key });
  } else {
    const { markVersion } = await import("@plinth/registry");
    await markVersion(await serviceOf(author, input, signal), id, version, { yank: reason });
  }
  yield answer(input, { id, version, yanked: reason }, [
    reason === null
      ? `${id} ${version} is offered again.`
      : `${id} ${version} is withdrawn: it is chosen no more, and hosts that have it are told why.`,
  ]);
}

/** `plinth deprecate ID@VERSION`: still offered, with a word to whoever takes it. */
export async function* deprecateVersion(author: Author, input: CommandInput, signal: AbortSignal): AsyncIterable<TerminalItem> {
  const { markVersion } = await import("@plinth/registry");
  const { id, version } = named(input);
  const message = input.options.undo === true ? null : said(input, "message");
  await markVersion(await serviceOf(author, input, signal), id, version, { deprecate: message });
  yield answer(input, { id, version, deprecated: message }, [
    message === null ? `${id} ${version} is deprecated no more.` : `${id} ${version} is deprecated: whoever installs it is told.`,
  ]);
}

function named(input: CommandInput): { id: string; version: string } {
  const text = word(input.args, "version") ?? "";
  const [, id, version] = /^([a-z][a-z0-9-]*\.[a-z][a-z0-9-]*)@([0-9A-Za-z.+-]+)$/.exec(text) ?? [];
  if (id !== undefined && version !== undefined) return { id, version };
  throw new PlinthError("PLINTH_USAGE", `${JSON.stringify(text.slice(0, 200))} names no version of a package.`, {
    next: "Write it as acme.weather@1.2.0.",
  });
}

function said(input: CommandInput, option: "reason" | "message"): string {
  const text = word(input.options, option)?.trim() ?? "";
  if (text !== "" && text.length <= 400 && !/\p{Cc}/u.test(text)) return text;
  throw new PlinthError("PLINTH_USAGE", `People are told why: one line of at most 400 characters.`, {
    next: `Give it with --${option} "…", or take it back with --undo.`,
  });
}

function serviceOnly(what: string): PlinthError {
  return new PlinthError("PLINTH_REGISTRY_URL", `In a folder this cannot be ${what}.`, { next: "Publish a new version." });
}
