import { AsyncResource } from "node:async_hooks";
import { errorInfo, type TurnEvent } from "@plinth/sdk";
import { type Question, Questions } from "../questions.ts";
import { plain } from "../table.ts";
import type { Run } from "./command.ts";

type Interaction = Extract<TurnEvent, { type: "interaction" }>;

const KEYS: { readonly [option: string]: string } = { once: "y", session: "s", always: "a", deny: "n" };
const MEANINGS: { readonly [option: string]: string } = { once: "yes, once", session: "for this session", always: "always", deny: "no" };

const DECLINE = "--decline";
/** As many answers as there are digits. */
const MOST_KEYS = 9;

/** Whether a person reads what is printed and types answers. */
export const canAnswer = ({ tty, json }: Run["terminal"]): boolean => tty && !json;

/** What a turn waits for, shown at the shell: asked where a person can answer, else told how to. */
export class Approvals {
  readonly #run: Run;
  readonly #local: Questions | undefined;
  /** One that was shown and that nobody can answer here. */
  unanswered: Interaction["request"] | undefined;

  constructor(run: Run) {
    this.#run = run;
    // In this process nobody else passes on what is typed.
    if (run.terminal.local && canAnswer(run.terminal) && process.stdin.isTTY) {
      // What is typed comes from outside any work: it is answered in the work of whoever started the command.
      const answer = AsyncResource.bind((id: string, option: string) => run.asTyped(() => this.#answer(id, option)));
      this.#local = new Questions(process.stdin, process.stderr, ([, , id = "", option = ""]) => answer(id, option));
    }
  }

  async follow({ state, request, answer }: Interaction): Promise<void> {
    if (state === "asked") return await this.#run.asTyped(() => this.#asked(request));
    if (this.unanswered?.id === request.id) this.unanswered = undefined;
    this.#local?.settle(request.id);
    await this.#run.emit({ settled: request.id });
    if (answer === undefined) return;
    const { paint } = this.#run;
    const isApproval = request.kind === "approval";
    const yes = isApproval ? `allowed (${plain(answer.option ?? "")})` : "answered";
    const outcome = answer.answer === "chosen" ? paint.green(yes) : paint.red(`not ${isApproval ? "allowed" : "answered"}: ${answer.answer}`);
    await this.#run.err(`${outcome}${answer.why ? paint.dim(`. ${plain(answer.why)}`) : ""}\n`);
  }

  async close(): Promise<void> {
    await this.#local?.close();
  }

  async #asked(request: Interaction["request"]): Promise<void> {
    const { ctx, terminal } = this.#run;
    const { id, kind } = request;
    const question = questionOf(request);
    // As the service has it: what an event says of it is a hint.
    const shown = ctx
      .use("plinth.cli-command")
      .get(kind === "approval" ? "approvals.show" : "questions.show")
      .run({ args: { id }, options: {}, terminal: { ...terminal, json: false } });
    let intro = "\n";
    try {
      for await (const item of shown) if ("out" in item) intro += item.out;
    } catch (error) {
      return await this.#run.err(`${plain(errorInfo(error).message)}\n`);
    }
    // Written by the question itself where it is asked in this process, so that it stands above it.
    const isAskedHere = this.#local !== undefined && question !== undefined;
    if (!isAskedHere) await this.#run.err(intro);
    if (terminal.local && !isAskedHere) {
      const why =
        this.#local === undefined
          ? "It was asked in a shell without a terminal and without a gateway, where nobody can answer."
          : "It was asked in a shell without a gateway, where nobody can fill in what it wants.";
      await ctx.use("plinth.interaction").one().withdraw({ id, why });
      return;
    }
    if (!canAnswer(terminal)) {
      this.unanswered = request;
      return;
    }
    // The shell said how it is answered.
    if (question === undefined) return;
    if (this.#local !== undefined) this.#local.ask({ ...question, intro });
    else await this.#run.emit({ choose: question });
  }

  async #answer(id: string, option: string): Promise<void> {
    const interaction = this.#run.ctx.use("plinth.interaction").one();
    const request = (await interaction.pending({})).requests.find((one) => one.id === id);
    if (request === undefined) return;
    const { kind, digest, options } = request;
    const said = kind === "approval" ? { option } : option === DECLINE ? { decline: true } : { option: options[Number(option) - 1]?.id ?? "" };
    await interaction.answer({ id, digest, ...said });
  }
}

/** What is asked at a terminal, a key for each answer; undefined where more than a key is wanted. */
function questionOf(request: Interaction["request"]): Question | undefined {
  const { id, kind, options } = request;
  if (kind === "approval") {
    const offered = options.flatMap((option) => (KEYS[option.id] === undefined ? [] : [option.id]));
    return {
      id,
      question: `Allow? ${offered.map((one) => `${KEYS[one]} = ${MEANINGS[one]}`).join(", ")}`,
      choices: offered.map((one) => ({ key: KEYS[one] as string, argv: ["approvals", "answer", id, one] })),
    };
  }
  if (options.length === 0 || options.length > MOST_KEYS) return undefined;
  return {
    id,
    question: `Your answer? ${options.map(({ label }, at) => `${at + 1} = ${plain(label)}`).join(", ")}, d = none`,
    choices: [...options.map((_, at) => String(at + 1)), "d"].map((key) => ({ key, argv: ["questions", "answer", id, key === "d" ? DECLINE : key] })),
  };
}
