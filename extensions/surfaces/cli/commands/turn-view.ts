import { changedBy, handsIn, type InteractionRequest, type Part, partLabel, type TurnEvent, visible } from "@plinth/sdk";
import { fit, plain, plainLines } from "../table.ts";
import { Approvals } from "./approval.ts";
import type { Run } from "./command.ts";

/** A turn as a shell shows it: what the model says on standard output, everything else in dim lines on standard error. */
export class TurnView {
  #run: Run;
  #approvals: Approvals;
  runId = "";
  sessionKey = "";
  readonly tools = new Map<string, { name: string; args: Record<string, unknown>; isError: boolean }>();
  end: Extract<TurnEvent, { type: "end" }> | undefined;
  #streamed = "";
  #suggestions: { label: string; text: string }[] = [];
  /** Standard output stands in the middle of a line. */
  #midLine = false;

  constructor(run: Run) {
    this.#run = run;
    this.#approvals = new Approvals(run);
  }

  /** A question of the turn that nobody can answer at this shell. */
  get unanswered(): InteractionRequest | undefined {
    return this.#approvals.unanswered;
  }

  async close(): Promise<void> {
    await this.#approvals.close();
  }

  async follow(event: TurnEvent): Promise<void> {
    switch (event.type) {
      case "start":
        this.runId = event.runId;
        this.sessionKey = event.sessionKey;
        if (changedBy(event.origin) !== undefined) await this.#note(`your message was ${changedBy(event.origin)}`);
        return;
      case "text":
        this.#streamed += event.delta;
        return await this.#say(event.delta);
      case "part":
        return await this.#note(partLabel(event.part));
      case "warning":
        return await this.#note(event.message);
      case "progress":
        return await this.#note(event.text);
      case "tool-start":
        this.tools.set(event.callId, { name: event.name, args: event.args, isError: false });
        return await this.#note(`→ ${event.name} ${JSON.stringify(event.args)}`);
      case "tool-end": {
        const tool = this.tools.get(event.callId);
        if (tool) tool.isError = event.result.isError ?? false;
        if (event.result.isError) await this.#note(`✗ ${event.name}: ${wordsOf(event.result.content)}`);
        return;
      }
      case "interaction":
        await this.#endLine();
        return await this.#approvals.follow(event);
      case "suggest":
        this.#suggestions.push(...event.suggestions);
        return;
      case "end":
        this.end = event;
        if (handsIn(event.origin) !== undefined) await this.#note(`not only you had a hand in this turn: ${handsIn(event.origin)}`);
    }
  }

  /** After the last event: what was not streamed, the line's end, and what may be said next. */
  async finish(): Promise<void> {
    if (!this.#streamed && this.end?.text) await this.#say(this.end.text);
    await this.#endLine();
    // Whole: what a suggestion would send is for people to see.
    if (this.#run.terminal.json) return;
    for (const { label, text } of this.#suggestions.splice(0)) await this.#run.err(`${visible(label)}: ${visible(text)}\n`);
  }

  async #say(text: string): Promise<void> {
    if (text === "") return;
    this.#midLine = !text.endsWith("\n");
    await this.#run.out(plainLines(text));
  }

  async #endLine(): Promise<void> {
    if (this.#midLine) await this.#say("\n");
  }

  async #note(text: string): Promise<void> {
    if (this.#run.terminal.json) return;
    await this.#endLine();
    await this.#run.err(`${this.#run.paint.dim(fit(plain(text), this.#run.terminal.columns || 80))}\n`);
  }
}

function wordsOf(content: readonly Part[]): string {
  return content.map((part) => (part.type === "text" ? part.text : partLabel(part))).join(" ");
}
