import type { Client } from "@plinth/sdk";
import { errorInfo, hides, PlinthError } from "@plinth/sdk";
import { type Command, commandAt, type Match, matchArgv } from "./argv.ts";
import { color } from "./color.ts";
import type { Emit } from "./feed.ts";
import { renderHelp } from "./help.ts";
import { plain, plainLines } from "./table.ts";

type MainInput = Parameters<Client<"plinth.entry">["main"]>[0];
export type Terminal = MainInput["terminal"];
export type TerminalItem = ReturnType<Client<"plinth.entry">["main"]> extends AsyncIterable<infer Item> ? Item : never;

/** What running a command line needs of the host. */
export interface LineHost {
  commands(): Promise<(Command & { extension: string })[]>;
  run(id: string, input: Parameters<Client<"plinth.cli-command">["run"]>[0], signal: AbortSignal): AsyncIterable<TerminalItem>;
  version(): Promise<string>;
}

/** Run one command line to its end: help, wrong usage, or the command that it names. */
export async function runLine(host: LineHost, input: MainInput, emit: Emit<TerminalItem>, signal: AbortSignal): Promise<void> {
  const commands = await host.commands();
  const match = matchArgv(commands, input.argv);
  const terminal = { ...input.terminal, json: input.terminal.json || match.json };
  const out = new Output(terminal, emit);
  if (match.error) return await out.usage(match.error, match);
  if (match.version) return await out.version(await host.version());
  if (match.help) return await emit({ out: renderHelp(commands, match.path, { ...terminal, version: await host.version() }) });
  if (!match.command) {
    return await out.usage({ message: `\`plinth ${match.path.join(" ")}\` needs a command` }, match, renderHelp(commands, match.path, terminal));
  }
  const owner = (commandAt(commands, match.path) as Command & { extension: string }).extension;
  try {
    if (match.where === "local" && !terminal.local) {
      throw new PlinthError("PLINTH_LOCAL_ONLY", `\`plinth ${match.path.join(" ")}\` runs only in the caller's own process.`, {
        next: "Run it in a shell on the machine itself.",
      });
    }
    // Colours are escape sequences: those of others would do more than colour.
    const ours = owner.startsWith("plinth.");
    const shown = ours ? terminal : { ...terminal, color: false };
    for await (const item of host.run(match.command.id, { args: match.args, options: match.options, terminal: shown }, signal)) {
      await out.item(ours ? item : harmless(item, owner, match.path));
    }
    await out.close();
  } catch (thrown) {
    if (signal.aborted) throw thrown;
    await out.failure({ extension: owner, ...errorInfo(thrown) });
  }
}

interface Failure {
  code: string;
  message: string;
  extension?: string;
  next?: string;
}

/** Turns a command's items into what the caller prints: text, or with --json one line of JSON. */
class Output {
  #terminal: Terminal;
  #emit: Emit<TerminalItem>;
  #text = "";
  #answered = false;

  constructor(terminal: Terminal, emit: Emit<TerminalItem>) {
    this.#terminal = terminal;
    this.#emit = emit;
  }

  async item(item: TerminalItem): Promise<void> {
    if (!this.#terminal.json) {
      if (!("result" in item)) await this.#emit(item);
    } else if ("result" in item) await this.#json(item.result);
    else if ("out" in item) this.#text = (this.#text + item.out).slice(0, 1_048_576);
    else if (!("choose" in item || "settled" in item)) await this.#emit(item);
  }

  /** A command without a result still gives a JSON document: what it would have printed. */
  async close(): Promise<void> {
    if (this.#terminal.json && !this.#answered) await this.#json({ output: this.#text });
  }

  async failure(error: Failure): Promise<void> {
    const paint = color(this.#terminal);
    const lines = [`${paint.red(`error ${plain(error.code)}:`)} ${plainLines(error.message)}`];
    if (error.extension) lines.push(paint.dim(`  in ${plain(error.extension)}`));
    if (error.next) lines.push(`  next: ${plainLines(error.next)}`);
    await this.#emit({ err: `${lines.join("\n")}\n` });
    if (this.#terminal.json && !this.#answered) await this.#json({ error });
    await this.#emit({ exit: 1 });
  }

  async usage(error: NonNullable<Match["error"]>, match: Match, help?: string): Promise<void> {
    const next = `Run \`${["plinth", ...match.path, "--help"].join(" ")}\` to see how it is used.`;
    const meant = error.suggestion ? `did you mean \`${plain(error.suggestion)}\`?\n` : "";
    await this.#emit({
      err: `${color(this.#terminal).red("error:")} ${plain(error.message)}\n${meant}${help ?? `${next}\n`}`,
    });
    if (this.#terminal.json) {
      await this.#json({
        error: {
          code: "PLINTH_USAGE",
          message: error.message,
          next: error.suggestion ? `Did you mean \`${error.suggestion}\`?` : next,
        },
      });
    }
    await this.#emit({ exit: 2 });
  }

  async version(version: string): Promise<void> {
    if (this.#terminal.json) await this.#json({ version });
    else await this.#emit({ out: `${version}\n` });
  }

  async #json(value: unknown): Promise<void> {
    this.#answered = true;
    await this.#emit({ out: `${escaped(JSON.stringify(value ?? null))}\n` });
  }
}

/** The same JSON, with what would steer a terminal or cannot be seen as escapes. */
export function escaped(json: string): string {
  return json.replace(/[^\n -~]/gu, (char) =>
    hides(char) ? [...Array(char.length)].map((_, at) => `\\u${char.charCodeAt(at).toString(16).padStart(4, "0")}`).join("") : char,
  );
}

/** An item of a third party: it steers no terminal, and a yes to its question runs nothing of others. */
function harmless(item: TerminalItem, owner: string, [group]: readonly string[]): TerminalItem {
  if ("out" in item) return { out: plainLines(item.out) };
  if ("err" in item) return { err: plainLines(item.err) };
  if (!("confirm" in item || "choose" in item)) return item;
  const asked = "confirm" in item ? item.confirm : item.choose;
  const runs = "confirm" in item ? [item.confirm.argv] : item.choose.choices.map(({ argv }) => argv);
  if (runs.every((argv) => argv[0] === group)) {
    const question = `${owner} asks: ${plain(asked.question)}`;
    return "confirm" in item ? { confirm: { ...item.confirm, question } } : { choose: { ...item.choose, question } };
  }
  return { err: runs.map((argv) => `${owner} suggests to run: plinth ${plain(argv.join(" "))}\n`).join("") };
}
