import { type Capability, type Context, type Descriptor, errorInfo, nearNames, PlinthError, type Principal, visible } from "@plinth/sdk";
import { originNote } from "./origin-note.ts";
import type { Run } from "./run.ts";
import { isThirdParty, type Suggestions } from "./suggestions.ts";

export type Command = Capability<Descriptor<"plinth.chat-command">>;

/** A message that is a command, and how it is answered. */
export interface Answering {
  /** As typed. */
  text: string;
  /** Answered at once, beside what the session runs. */
  aside: boolean;
  /** Which capability runs it, and with what; or the answer itself. */
  how: { id: string; extension: string; args: string } | { say: string };
}

/** A slash and a word; `/etc/hosts` is not a command. */
const COMMAND = /^\/([a-z][a-z0-9-]{0,31})(?:\s+([\s\S]*))?$/i;

/** Finds slash commands, checks who may run them, and runs them. */
export class Commands {
  readonly #ctx: Context;
  readonly #suggestions: Suggestions;

  constructor(ctx: Context, suggestions: Suggestions) {
    this.#ctx = ctx;
    this.#suggestions = suggestions;
  }

  /**
   * undefined: the text is for the model.
   *
   * @param suggestedBy whose words the text is where a button sent it.
   */
  async find(text: string, principal: Principal | undefined, suggestedBy?: string): Promise<Answering | undefined> {
    const typed = text.trim();
    const match = COMMAND.exec(typed);
    if (match === null) return undefined;
    const name = match[1]!.toLowerCase();
    const commands = await allowed(this.#ctx, undefined);
    const command = commands.find(({ descriptor }) => descriptor.name === name);
    if (command === undefined) {
      const near = nearNames(
        name,
        commands.filter((one) => mayRun(one, principal)).map(({ descriptor }) => descriptor.name),
      );
      const hint = near.length > 0 ? ` Did you mean ${near.map((one) => `\`/${one}\``).join(" or ")}?` : "";
      return { text: typed, aside: true, how: { say: `There is no command \`/${name}\`.${hint} \`/help\` shows those there are.` } };
    }
    if (!mayRun(command, principal)) {
      return { text: typed, aside: true, how: { say: `\`/${name}\` is for the owner of this host. Ask the owner to run it.` } };
    }
    const { id, extension, descriptor } = command;
    // A press of a button is not the owner's word for whatever an extension wrote on it, unless it is about itself. Also
    // where anyone may run the command: what it does depends on who that is.
    if (isThirdParty(suggestedBy) && extension !== suggestedBy) {
      return {
        text: typed,
        aside: true,
        how: {
          say: `\`/${name}\` was suggested by ${suggestedBy}, so it was not run. Run it in a shell, or type it in another conversation.`,
        },
      };
    }
    // What is about that which runs cannot wait for it.
    return { text: typed, aside: descriptor.beside === true && !isThirdParty(extension), how: { id, extension, args: (match[2] ?? "").trim() } };
  }

  /** Run it, note it in the transcript, end the run. */
  async answer(run: Run, { text: command, how }: Answering): Promise<void> {
    const said: string[] = [];
    let failure: unknown;
    try {
      if ("say" in how) this.#say(run, said, how.say);
      else await this.#run(run, said, how);
    } catch (error) {
      failure = error;
    }
    const text = said.join("");
    const end = failure === undefined ? undefined : errorInfo(run.signal.aborted ? run.signal.reason : failure);
    const answer = end === undefined ? text : `${text}${text ? "\n\n" : ""}${end.message}${end.next ? ` ${end.next}` : ""}`;
    await this.#ctx
      .use("plinth.session-store")
      .one()
      .append({ key: run.sessionKey, bodies: [{ kind: "command", command, answer }] })
      .catch((error) => this.#ctx.log.error("A command could not be noted in its transcript.", { key: run.sessionKey, ...errorInfo(error) }));
    const status = end === undefined ? "ok" : run.signal.aborted ? "aborted" : "error";
    // Whose words the answer is: the kernel notes it on the work when a third party answers.
    const origin = originNote(this.#ctx.currentWork());
    run.emit({ type: "end", status, text, ...(end === undefined ? {} : { error: end }), ...(origin === undefined ? {} : { origin }) });
  }

  async #run(run: Run, said: string[], { id, extension, args }: { id: string; extension: string; args: string }): Promise<void> {
    run.signal.throwIfAborted();
    const { sessionKey, signal } = run;
    let items = 0;
    let chars = 0;
    for await (const item of this.#ctx.use("plinth.chat-command").get(id).run({ args, sessionKey }, { signal })) {
      // Its deadline is for each item: without a bound on their number it could go on for ever.
      if ("text" in item) chars += item.text.length;
      if (++items > MAX_ITEMS || chars > MAX_CHARS) throw endless(extension);
      if ("text" in item) this.#say(run, said, isThirdParty(extension) ? visible(item.text, { layout: true, max: MAX_CHARS }) : item.text);
      else if ("suggest" in item)
        run.emit({ type: "suggest", by: extension, suggestions: this.#suggestions.offer(sessionKey, extension, item.suggest) });
      else run.emit({ type: "progress", text: visible(item.progress, { max: MAX_PROGRESS }) });
    }
  }

  /** Each text is a paragraph of its own. */
  #say(run: Run, said: string[], text: string): void {
    if (text === "") return;
    const delta = said.length > 0 && !said.at(-1)!.endsWith("\n") ? `\n\n${text}` : text;
    said.push(delta);
    run.emit({ type: "text", delta });
  }
}

/**
 * The commands that somebody may run, sorted by name. `undefined` for all there are. A second claimant of a name loses to
 * the one whose id it is, which nobody else can have: codes that people confirm with are typed to `/plugins`.
 */
export async function allowed(ctx: Context, who: { principal: Principal | undefined } | undefined): Promise<Command[]> {
  const byName = new Map<string, Command>();
  for (const command of await ctx.use("plinth.chat-command").list()) {
    const { name } = command.descriptor;
    const held = byName.get(name);
    if (held === undefined || command.id === name || (held.id !== name && command.id < held.id)) byName.set(name, command);
  }
  return [...byName.values()]
    .filter((command) => who === undefined || mayRun(command, who.principal))
    .sort((a, b) => compare(a.descriptor.name, b.descriptor.name));
}

/** Whoever has not been proven to be the owner is not. */
function mayRun({ descriptor }: Command, principal: Principal | undefined): boolean {
  return descriptor.role === "anyone" || principal?.role === "owner";
}

/** Of all that a command says; and how many things it may say. */
const MAX_CHARS = 500_000;
const MAX_ITEMS = 20_000;
const MAX_PROGRESS = 500;

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

const endless = (extension: string): PlinthError =>
  new PlinthError("PLINTH_ANSWER_TOO_LONG", `The command's answer was longer than ${MAX_CHARS.toLocaleString("en")} characters and was ended.`, {
    extension,
    next: "Ask for less; if it goes on for ever, disable its extension.",
  });
