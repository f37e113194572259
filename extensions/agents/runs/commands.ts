import { type Capability, type Context, type Descriptor, errorInfo, nearNames, PlinthError, type Principal } from "@plinth/sdk";
import type { Run } from "./run.ts";

export type Command = Capability<Descriptor<"plinth.chat-command">>;

/** A message that is a command, and how it is answered. */
export interface Answering {
  /** As typed. */
  text: string;
  /** Answered at once, beside what the session runs. */
  aside: boolean;
  /** Which capability runs it, and with what; or the answer itself. */
  how: { id: string; args: string } | { say: string };
}

/** A slash and a word; `/etc/hosts` is not a command. */
const COMMAND = /^\/([a-z][a-z0-9-]{0,31})(?:\s+([\s\S]*))?$/i;
/** Of ours, those that are about what runs: they cannot wait for it. */
const ASIDE = new Set(["help", "status", "stop"]);

/** Finds slash commands, checks who may run them, and runs them. */
export class Commands {
  readonly #ctx: Context;

  constructor(ctx: Context) {
    this.#ctx = ctx;
  }

  /** undefined: the text is for the model. */
  async find(text: string, principal: Principal | undefined): Promise<Answering | undefined> {
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
    const args = (match[2] ?? "").trim();
    return { text: typed, aside: command.extension === this.#ctx.id && ASIDE.has(command.id), how: { id: command.id, args } };
  }

  /** Run it, note it in the transcript, end the run. */
  async answer(run: Run, { text: command, how }: Answering): Promise<void> {
    const said: string[] = [];
    let failure: unknown;
    try {
      if ("say" in how) this.#say(run, said, how.say);
      else await this.#run(run, said, how.id, how.args);
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
    run.emit({ type: "end", status, text, ...(end === undefined ? {} : { error: end }) });
  }

  async #run(run: Run, said: string[], id: string, args: string): Promise<void> {
    run.signal.throwIfAborted();
    const { sessionKey, signal } = run;
    let items = 0;
    let chars = 0;
    for await (const item of this.#ctx.use("plinth.chat-command").get(id).run({ args, sessionKey }, { signal })) {
      // Its deadline is for each item: without a bound on their number it could go on for ever.
      if ("text" in item) chars += item.text.length;
      if (++items > MAX_ITEMS || chars > MAX_CHARS) throw await this.#endless(id);
      if ("text" in item) this.#say(run, said, item.text);
      else if ("suggest" in item) run.emit({ type: "suggest", suggestions: item.suggest });
      else run.emit({ type: "progress", text: item.progress });
    }
  }

  async #endless(id: string): Promise<PlinthError> {
    const extension = (await this.#ctx.use("plinth.chat-command").list()).find((one) => one.id === id)?.extension;
    return new PlinthError(
      "PLINTH_ANSWER_TOO_LONG",
      `The command's answer was longer than ${MAX_CHARS.toLocaleString("en")} characters and was ended.`,
      {
        ...(extension === undefined ? {} : { extension }),
        next: "Ask for less; if it goes on for ever, disable its extension.",
      },
    );
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

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
