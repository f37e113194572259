import { type Call, type Client, type Context, PlinthError } from "@plinth/sdk";
import { type Color, color } from "../color.ts";
import { type Emit, feed } from "../feed.ts";
import type { TerminalItem } from "../line.ts";

type RunInput = Parameters<Client<"plinth.cli-command">["run"]>[0];

/** One run of one of this extension's commands. */
export interface Run extends RunInput {
  readonly ctx: Context;
  readonly signal: AbortSignal;
  readonly paint: Color;
  readonly emit: Emit<TerminalItem>;
  /** The argument as one word, or undefined where it was left out. */
  arg(name: string): string | undefined;
  /** The string option, or undefined where it was left out. */
  option(name: string): string | undefined;
  out(text: string): Promise<void>;
  err(text: string): Promise<void>;
  result(value: unknown): Promise<void>;
  /**
   * Do it as whoever typed the command: following a turn lowers the work that follows it, and a question of that turn is
   * for the owner to see and answer nevertheless. Where others had a hand in the command itself, it stays as low as that.
   */
  asTyped<T>(body: () => Promise<T>): Promise<T>;
}

export type OwnCommand = (run: Run) => Promise<void>;

/** These commands show and change everything: only work of the owner may run them. */
export function ownersOnly(ctx: Context, command: OwnCommand, input: RunInput, call: Call): AsyncIterable<TerminalItem> {
  return feed(call.signal, async (emit, signal) => {
    if (call.work?.principal.role !== "owner") {
      throw new PlinthError("PLINTH_NOT_OWNER", "This command is for the owner of this host only.", {
        next: "Run it in a shell on the machine, or with the gateway's token.",
      });
    }
    const typed = call.work.influences.length === 0;
    const word = (value: unknown) => (typeof value === "string" ? value : undefined);
    await command({
      ...input,
      ctx,
      signal,
      emit,
      paint: color(input.terminal),
      arg: (name) => word(input.args[name]),
      option: (name) => word(input.options[name]),
      out: (text) => emit({ out: text }),
      err: (text) => emit({ err: text }),
      result: (value) => emit({ result: value }),
      asTyped: (body) => (typed ? ctx.work({ role: "owner", via: "command" }, body) : body()),
    });
  });
}

/** The option as a whole number within bounds. */
export function wholeNumber(run: Run, name: string, fallback: number, most: number): number {
  const text = run.option(name);
  if (text === undefined) return fallback;
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= most) return value;
  throw new PlinthError("PLINTH_USAGE", `--${name} is "${text}", which is not a number from 1 to ${most}.`, {
    next: `Give a number, such as --${name} ${fallback}.`,
  });
}
