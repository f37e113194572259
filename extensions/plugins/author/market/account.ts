import { rm } from "node:fs/promises";
import { text } from "node:stream/consumers";
import { errorInfo, PlinthError } from "@plinth/sdk";
import { type Author, answer, type CommandInput, type TerminalItem, word } from "../command.ts";
import { type FoundKey, publisherKey } from "./publisher-key.ts";
import { addressOf, assertPrivate, serviceOf } from "./registry-choice.ts";
import { Tokens } from "./tokens.ts";

const MAX_TOKEN = 4_096;

/**
 * `plinth registry login URL`: the token of PLINTH_REGISTRY_TOKEN or of standard input is checked and kept. With
 * --publisher a name is registered, and the token that an open registry answers with is kept.
 */
export async function* login(author: Author, input: CommandInput, signal: AbortSignal): AsyncIterable<TerminalItem> {
  const { registerPublisher, whoAmI } = await import("@plinth/registry");
  const url = addressOf(word(input.args, "url") ?? "");
  assertPrivate(url);
  const publisher = word(input.options, "publisher");
  const domain = word(input.options, "domain");
  let token = author.env.PLINTH_REGISTRY_TOKEN || undefined;
  let registered: string | undefined;
  if (publisher !== undefined) {
    let found: FoundKey | undefined;
    const service = { url, signal, ...(token === undefined ? {} : { token }) };
    const keyWhenReached = async () => {
      found = await publisherKey(author, input, publisher, true);
      return found.key;
    };
    try {
      const { issued } = await registerPublisher(service, keyWhenReached, domain === undefined ? {} : { domain });
      token = issued?.secret ?? token;
    } catch (error) {
      if (errorInfo(error).code !== "PLINTH_UNAUTHENTICATED" || token !== undefined) throw error;
      // The registry knows nothing of this key: nobody needs to keep it.
      if (found?.made === true) await rm(found.file, { force: true });
      throw notOpen(url, error);
    }
    if (found?.made === true && !input.terminal.json)
      yield { out: `Made a key for ${publisher} in ${found.file}. Keep it: only it can publish for ${publisher}.\n` };
    registered = publisher;
  } else if (token === undefined) {
    if (process.stdin.isTTY && !input.terminal.json) yield { err: "Paste the token, then press Enter and Ctrl-D:\n" };
    token = (await text(process.stdin)).trim();
  }
  if (token === undefined || token === "" || token.length > MAX_TOKEN || /\s/.test(token)) {
    throw new PlinthError("PLINTH_TOKEN_MISSING", "No token was given.", {
      next: `Pipe it in (plinth registry login ${url} < token.txt), set PLINTH_REGISTRY_TOKEN, or register with --publisher NAME.`,
    });
  }
  const session = await whoAmI({ url, token, signal });
  await new Tokens(author.keyFolder).set(url, token);
  const { user, scopes, packages, expiresAt } = session;
  yield answer(input, { registry: url, user, scopes, packages, expiresAt, ...(registered === undefined ? {} : { registered }) }, [
    ...(registered === undefined ? [] : [`Registered the publisher ${registered} with its key.`]),
    `Logged in to ${url} as ${user} until ${expiresAt.slice(0, 10)}.`,
    `  may      ${scopes.join(", ")}`,
    `  for      ${packages.join(", ")}`,
  ]);
}

/** `plinth registry logout`: the token is revoked there, and forgotten here whatever the registry says. */
export async function* logout(author: Author, input: CommandInput, signal: AbortSignal): AsyncIterable<TerminalItem> {
  const { logOut } = await import("@plinth/registry");
  const tokens = new Tokens(author.keyFolder);
  const url = await oneOf(tokens, word(input.args, "url"));
  const token = await tokens.get(url);
  if (token === undefined) throw new PlinthError("PLINTH_TOKEN_MISSING", `You are not logged in to ${url}.`, { next: "There is nothing to do." });
  const problem = await logOut({ url, token, signal }).then(
    () => undefined,
    (error) => errorInfo(error),
  );
  await tokens.remove(url);
  const gone = ["PLINTH_TOKEN_REVOKED", "PLINTH_TOKEN_EXPIRED", "PLINTH_TOKEN_INVALID", "PLINTH_TOKEN"].includes(problem?.code ?? "");
  const revoked = problem === undefined || gone;
  yield answer(input, { registry: url, revoked, ...(problem === undefined ? {} : { problem }) }, [
    revoked
      ? `Logged out of ${url}: the token is revoked and forgotten.`
      : `The token for ${url} is forgotten here, but the registry did not revoke it: ${problem.message} Revoke it there.`,
  ]);
}

/** `plinth registry whoami`: who the token belongs to, and what it may do. */
export async function* whoami(author: Author, input: CommandInput, signal: AbortSignal): AsyncIterable<TerminalItem> {
  const { whoAmI } = await import("@plinth/registry");
  const url = word(input.args, "url");
  const service = await serviceOf(author, url === undefined ? input : { ...input, options: { ...input.options, registry: url } }, signal);
  const { user, scopes, packages, expiresAt } = await whoAmI(service);
  yield answer(input, { registry: service.url, user, scopes, packages, expiresAt }, [
    `${user} at ${service.url}`,
    `  may      ${scopes.join(", ")}`,
    `  for      ${packages.join(", ")}`,
    `  until    ${expiresAt.slice(0, 10)}`,
  ]);
}

const notOpen = (url: string, cause: unknown): PlinthError =>
  new PlinthError("PLINTH_UNAUTHENTICATED", `The registry at ${url} registers no publisher without a token.`, {
    next: `With a token of its operator's: plinth registry login ${url} < token.txt. An operator opens it to everybody with: plinth-registry serve … --registration open`,
    cause,
  });

async function oneOf(tokens: Tokens, typed: string | undefined): Promise<string> {
  if (typed !== undefined) return addressOf(typed);
  const known = await tokens.registries();
  if (known.length === 1) return known[0]!;
  throw new PlinthError(
    "PLINTH_REGISTRY_UNNAMED",
    known.length === 0 ? "You are not logged in to any registry." : `You are logged in to ${known.join(", ")}.`,
    {
      next: known.length === 0 ? "There is nothing to do." : "Name the one to leave.",
    },
  );
}
