import { type Call, type CatalogTool, type Client, type Context, PlinthError, type ToolCallInput, type ToolItem, type ToolResult } from "@plinth/sdk";
import type { Questions } from "./questions.ts";

/** What both kinds of tools are called with; a set's is told which of its tools. */
type Target = Pick<Client<"plinth.tool">, "call" | "run" | "answer">;
type Parts = Pick<Context, "use" | "validate" | "lower">;

/**
 * One call of a tool, whichever way it is provided: its items, and one result that holds what its descriptor promises.
 * The host's policy decides when the call is made; while it asks an owner, no time runs.
 */
export async function* running(
  tool: CatalogTool,
  given: ToolCallInput,
  timeoutMs: number | undefined,
  ctx: Parts,
  questions: Questions,
  call: Call,
): AsyncGenerator<ToolItem> {
  const limitMs = Math.min(timeoutMs ?? Number.POSITIVE_INFINITY, tool.descriptor.timeoutMs ?? Number.POSITIVE_INFINITY);
  const { signal } = call;
  const { target, which } = targetOf(tool, ctx);
  const input = { ...which, ...given };
  const limit = Number.isFinite(limitMs) ? { deadlineMs: limitMs } : {};
  try {
    if (tool.descriptor.progress !== true) {
      yield { type: "result", result: await fitting(tool, await target.call(input, { signal, ...limit }), ctx) };
      return;
    }
    const timer = new Timer(limitMs, tool.name);
    const items = target.run(input, { signal: AbortSignal.any([signal, timer.signal]), ...limit })[Symbol.asyncIterator]();
    try {
      for (let step = await items.next(); !step.done; step = await items.next()) {
        const item = step.value;
        timer.start();
        if (item.type === "result") return yield { type: "result", result: await fitting(tool, item.result, ctx) };
        if (item.type === "ask") {
          timer.stop();
          const answer = await questions.ask(tool, given, item.question, call);
          await target.answer({ ...which, callId: given.callId ?? "", ...answer }, { signal });
        } else yield item;
      }
    } finally {
      timer.stop();
      await items.return?.();
    }
    throw noResult(tool, "it ended without one");
  } finally {
    // The kernel says so of third parties' code; what a server answered through the product's own, only its bridge knows.
    if (tool.from !== undefined) await ctx.lower(tool.from, `answered as ${tool.name}`);
  }
}

function targetOf({ name, set, tool, source }: CatalogTool, ctx: Parts): { target: Target; which: object } {
  if (set === undefined || tool === undefined) return { target: ctx.use("plinth.tool").get(name), which: {} };
  const which = { tool, ...(source === undefined ? {} : { source }) };
  return { target: ctx.use("plinth.tool-set").get(set) as unknown as Target, which };
}

async function fitting(tool: CatalogTool, result: unknown, ctx: Parts): Promise<ToolResult> {
  const { content, structured, isError } = (result ?? {}) as ToolResult;
  if (!Array.isArray(content)) throw noResult(tool, "what it gave cannot be read");
  const { output } = tool.descriptor;
  if (output !== undefined && isError !== true) {
    if (structured === undefined) throw noResult(tool, "it has no structured output, which its descriptor promises");
    const [problem] = await ctx.validate(output, structured);
    if (problem !== undefined) throw noResult(tool, `its structured output does not fit: ${problem.path || "/"} ${problem.message}`);
  }
  return result as ToolResult;
}

const noResult = ({ name, extension }: CatalogTool, why: string): PlinthError =>
  new PlinthError("PLINTH_TOOL_RESULT", `The tool ${name} gave no result that can be used: ${why}.`, {
    extension,
    next: "It may have had its effect. Tell its author.",
  });

/** From the first item on, and not while a person is asked. */
class Timer {
  readonly #controller = new AbortController();
  readonly #name: string;
  #left: number;
  #since = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(limitMs: number, name: string) {
    this.#left = limitMs;
    this.#name = name;
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  start(): void {
    if (this.#timer !== undefined || !Number.isFinite(this.#left)) return;
    this.#since = performance.now();
    this.#timer = setTimeout(
      () => {
        this.#controller.abort(
          new PlinthError("PLINTH_DEADLINE", `The tool ${this.#name} ran longer than it may.`, { next: "Ask for a smaller step." }),
        );
      },
      Math.max(1, this.#left),
    ).unref();
  }

  stop(): void {
    if (this.#timer === undefined) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#left -= performance.now() - this.#since;
  }
}
