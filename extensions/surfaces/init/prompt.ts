import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";
import { PlinthError } from "@plinth/sdk";

/** Asks the person at this process's terminal. What it shows goes to standard error, so that the result stays apart. */
export class Prompt {
  readonly #signal: AbortSignal;

  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  say(text: string): void {
    process.stderr.write(text);
  }

  /** @returns what was typed, trimmed; "" for Enter alone. */
  ask(question: string): Promise<string> {
    return this.#read(question, process.stderr);
  }

  /** What is typed is not shown. */
  async hidden(question: string): Promise<string> {
    process.stderr.write(question);
    const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
    const typed = await this.#read("", nowhere);
    process.stderr.write("\n");
    return typed;
  }

  async #read(question: string, output: Writable): Promise<string> {
    const stop = new AbortController();
    const lines = createInterface({ input: process.stdin, output, terminal: true, historySize: 0 });
    lines.once("SIGINT", () => stop.abort());
    lines.once("close", () => stop.abort());
    try {
      return (await lines.question(question, { signal: AbortSignal.any([this.#signal, stop.signal]) })).trim();
    } catch {
      process.stderr.write("\n");
      throw new PlinthError("PLINTH_CANCELLED", "The set-up was left; what was set until then stays set.", {
        next: "plinth init goes on from there.",
      });
    } finally {
      lines.close();
    }
  }
}
