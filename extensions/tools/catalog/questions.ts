import {
  type Call,
  type CatalogTool,
  type Client,
  type Context,
  errorInfo,
  type InteractionAnswer,
  type InteractionStep,
  isProduct,
  type ToolAnswer,
  type ToolCallInput,
  type ToolQuestion,
} from "@plinth/sdk";

export type Answered = Pick<ToolAnswer, "id" | "answer" | "option" | "values" | "code">;
type Turn = Pick<ToolCallInput, "sessionKey" | "runId" | "agent">;
type Asked = Parameters<Client<"plinth.interaction">["ask"]>[0];

/** Takes what a tool asks to the owner, and the answer back. Where nobody can be asked, or it asks what cannot be shown, that is no answer. */
export class Questions {
  readonly #ctx: Pick<Context, "use" | "log">;

  constructor(ctx: Pick<Context, "use" | "log">) {
    this.#ctx = ctx;
  }

  async ask(tool: CatalogTool, given: ToolCallInput, { id, ...question }: ToolQuestion, call: Call): Promise<Answered> {
    const { signal } = call;
    const turn = turnOf(given, call);
    if (turn === undefined) {
      this.#ctx.log.warn("A tool's question was not asked: another publisher's extension called it outside of a turn.", {
        tool: tool.name,
        extension: call.caller,
      });
      return { id, answer: "declined", code: "PLINTH_INTERACTION_FORBIDDEN" };
    }
    const steps = this.#ctx
      .use("plinth.interaction")
      .one()
      .ask(askedFor(tool, turn, call, question), { signal });
    try {
      for await (const step of steps) {
        await this.#tell(turn.runId, step);
        if (step.state !== "answered") continue;
        const { answer, option, values } = step.answer;
        return { id, answer, ...(option === undefined ? {} : { option }), ...(values === undefined ? {} : { values }) };
      }
    } catch (error) {
      signal.throwIfAborted();
      this.#ctx.log.warn("A tool's question could not be asked.", { tool: tool.name, ...errorInfo(error) });
    }
    return { id, answer: "cancelled" };
  }

  /** The turn shows that it waits, and not what was answered: that is between the owner and the tool. */
  async #tell(runId: string | undefined, step: InteractionStep): Promise<void> {
    if (runId === undefined) return;
    const told: InteractionStep = step.state === "answered" ? { ...step, answer: withoutValues(step.answer) } : step;
    await this.#ctx
      .use("plinth.turns")
      .one()
      .tell({ runId, step: told })
      .catch((error: unknown) => this.#ctx.log.debug("A turn was not told of a tool's question.", { ...errorInfo(error) }));
  }
}

const withoutValues = ({ values: _, ...answer }: InteractionAnswer): InteractionAnswer => answer;

/** The turn that is asked in. Another publisher's extension does not choose it: it is the one that it works for, or none. */
function turnOf({ sessionKey, runId, agent }: Turn, { caller, work }: Pick<Call, "caller" | "work">): Turn | undefined {
  if (isProduct(caller)) return { sessionKey, runId, agent };
  const { session, run, agent: working } = work?.principal.scope ?? {};
  return session === undefined || run === undefined ? undefined : { sessionKey: session, runId: run, agent: working };
}

function askedFor(
  tool: CatalogTool,
  { sessionKey, runId, agent }: Turn,
  { caller }: Pick<Call, "caller">,
  { message, schema, options, url }: Omit<ToolQuestion, "id">,
): Asked {
  const common = {
    sessionKey: sessionKey ?? "none",
    runId: runId?.slice(0, 64) ?? "none",
    ...(agent === undefined ? {} : { agent }),
    title: (tool.descriptor.title ?? tool.name).slice(0, 200) || "A tool asks",
    // Another publisher's extension that has the product's tool ask is who asks.
    from: tool.from ?? (isProduct(caller) ? tool.extension : caller),
    tool: tool.name,
    message,
  };
  if (schema !== undefined) return { kind: "form", ...common, schema: schema as Extract<Asked, { kind: "form" }>["schema"] };
  if (options !== undefined) return { kind: "choice", ...common, choices: options };
  if (url !== undefined) return { kind: "url", ...common, url };
  return { kind: "text", ...common };
}
