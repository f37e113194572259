import { createInterface, type Interface } from "node:readline";

export interface Question {
  id: string;
  /** Shown once, above the question. */
  intro?: string;
  question: string;
  choices: { key: string; argv: string[] }[];
}

/**
 * Questions at a terminal while a command goes on: one at a time, in their order, each until it is answered here or
 * needs no answer any more. No import but Node's: the launcher bundles this file.
 */
export class Questions {
  readonly #input: NodeJS.ReadableStream;
  readonly #output: NodeJS.WritableStream;
  readonly #run: (argv: string[]) => Promise<void>;
  #waiting: Question[] = [];
  #lines: Interface | undefined;
  /** Id of the one whose answer is being given. */
  #taken: string | undefined;
  #running: Promise<unknown> = Promise.resolve();
  #shownAt = 0;
  /** Its intro was shown. */
  #introduced: Question | undefined;

  /** @param run does what a choice stands for; whatever it throws is told and changes nothing. */
  constructor(input: NodeJS.ReadableStream, output: NodeJS.WritableStream, run: (argv: string[]) => Promise<void>) {
    this.#input = input;
    this.#output = output;
    this.#run = run;
  }

  ask(question: Question): void {
    this.#waiting.push(question);
    if (this.#waiting.length === 1) this.#show();
  }

  /** It was answered elsewhere, or it is over. */
  settle(id: string): void {
    if (this.#taken === id) this.#taken = undefined;
    const isShown = this.#waiting[0]?.id === id;
    this.#waiting = this.#waiting.filter((one) => one.id !== id);
    if (!isShown) return;
    this.#output.write("\n");
    this.#show();
  }

  /** Resolves when what was chosen here is done. */
  async close(): Promise<void> {
    this.#waiting = [];
    this.#taken = undefined;
    this.#show();
    await this.#running;
  }

  #show(): void {
    const [shown] = this.#waiting;
    if (shown === undefined) {
      this.#lines?.close();
      this.#lines = undefined;
      return;
    }
    if (this.#lines === undefined) {
      // Lines as the terminal gives them: Ctrl+C still ends the command.
      const lines = createInterface({ input: this.#input, terminal: false });
      this.#lines = lines;
      lines.once("close", () => this.#lines === lines && this.#ended());
    }
    this.#shownAt = performance.now();
    this.#lines.removeAllListeners("line");
    this.#lines.on("line", (line) => this.#take(line, shown));
    if (this.#introduced !== shown) this.#output.write(shown.intro ?? "");
    this.#introduced = shown;
    this.#output.write(`${shown.question} [${shown.choices.map(({ key }) => key).join("/")}] `);
  }

  #take(line: string, shown: Question): void {
    // What was typed before anybody can have read the question does not answer it.
    if (this.#waiting[0] !== shown || performance.now() - this.#shownAt < UNREAD_MS) return;
    const typed = line.trim().toLowerCase();
    const choice = shown.choices.find(({ key }) => key === typed || (typed !== "" && WORDS[key] === typed));
    // Enter alone is no answer.
    if (choice === undefined) return this.#show();
    this.#waiting.shift();
    this.#taken = shown.id;
    this.#running = this.#run(choice.argv).catch((error) => {
      this.#output.write(`${error instanceof Error ? error.message : String(error)}\n`);
      // It still waits, unless it was settled meanwhile.
      if (this.#taken === shown.id) this.#waiting.unshift(shown);
    });
    void this.#running.then(() => this.#show());
  }

  /** Nobody types here any more. */
  #ended(): void {
    this.#lines = undefined;
    if (this.#waiting.length > 0) this.#output.write("(not answered here)\n");
    this.#waiting = [];
  }
}

const UNREAD_MS = 300;
const WORDS: { readonly [key: string]: string } = { y: "yes", n: "no", s: "session", a: "always" };
