import { changedBy, handsIn, type Part, PlinthError, partLabel, type TurnEvent, visible } from "@plinth/sdk";
import { fit, plain, plainLines } from "../table.ts";
import { Approvals } from "./approval.ts";
import type { OwnCommand, Run } from "./command.ts";

/** One message and its whole turn: the answer on standard output, what the tools did on standard error. */
export const agent: OwnCommand = async (run) => {
  const message = run.option("message")?.trim();
  if (!message) throw new PlinthError("PLINTH_USAGE", "The message is empty.", { next: 'Say something: plinth agent -m "Hello".' });
  const turn = new Turn(run);
  const sessionKey = run.option("session");
  const model = run.option("model");
  const events = run.ctx
    .use("plinth.turns")
    .one()
    .submit({ text: message, surface: "cli", ...(sessionKey ? { sessionKey } : {}), ...(model ? { model } : {}) }, { signal: run.signal });
  try {
    for await (const event of events) await turn.follow(event);
  } finally {
    await turn.close();
  }
  await turn.finish();
};

class Turn {
  #run: Run;
  #approvals: Approvals;
  #runId = "";
  #sessionKey = "";
  #streamed = "";
  #tools = new Map<string, { name: string; args: Record<string, unknown>; isError: boolean }>();
  #suggestions: { label: string; text: string }[] = [];
  /** Standard output stands in the middle of a line. */
  #midLine = false;
  #end: Extract<TurnEvent, { type: "end" }> | undefined;

  constructor(run: Run) {
    this.#run = run;
    this.#approvals = new Approvals(run);
  }

  async close(): Promise<void> {
    await this.#approvals.close();
  }

  async follow(event: TurnEvent): Promise<void> {
    switch (event.type) {
      case "start":
        this.#runId = event.runId;
        this.#sessionKey = event.sessionKey;
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
        this.#tools.set(event.callId, { name: event.name, args: event.args, isError: false });
        return await this.#note(`→ ${event.name} ${JSON.stringify(event.args)}`);
      case "tool-end": {
        const tool = this.#tools.get(event.callId);
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
        this.#end = event;
        if (handsIn(event.origin) !== undefined) await this.#note(`not only you had a hand in this turn: ${handsIn(event.origin)}`);
    }
  }

  async finish(): Promise<void> {
    const end = this.#end;
    if (!end) throw new PlinthError("PLINTH_TURN_CUT", "The turn stopped without an end.", { next: "Send the message again." });
    if (!this.#streamed && end.text) await this.#say(end.text);
    await this.#endLine();
    // Whole: what a suggestion would send is for people to see.
    if (!this.#run.terminal.json) for (const { label, text } of this.#suggestions) await this.#run.err(`${visible(label)}: ${visible(text)}\n`);
    if (end.status === "aborted") throw new PlinthError("PLINTH_ABORTED", "The turn was aborted.", { next: "Send the message again." });
    if (end.status === "error") {
      const { code = "PLINTH_FAILED", message = "The turn failed.", extension, next } = end.error ?? {};
      throw new PlinthError(code, message, { ...(extension ? { extension } : {}), ...(next ? { next } : {}) });
    }
    await this.#run.result({
      text: end.text,
      runId: this.#runId,
      sessionKey: this.#sessionKey,
      usage: end.usage ?? null,
      toolCalls: [...this.#tools.values()],
      model: end.model ?? null,
      ...(end.origin === undefined ? {} : { origin: end.origin }),
    });
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
