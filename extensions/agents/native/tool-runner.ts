import { type Context, errorInfo, partsFrom, type ToolCallPart, type ToolResult } from "@plinth/sdk";
import type { Limits, LoopInput } from "./loop.ts";
import { bounded, failure, isToolResult } from "./tool-result.ts";

export interface Tool {
  /** As the model is told about it. */
  readonly spec: { name: string; description: string; input: Record<string, unknown>; say?: string[] };
  readonly effects: readonly string[];
  /** extension/tool, whose opaque parts are its own. */
  readonly maker: string;
  /** Whose words its results are, where it is not the product's. */
  readonly from?: string;
}

type Run = Pick<LoopInput, "runId" | "sessionKey" | "workspace">;

/** Calls tools: arguments checked, through the gate, bounded in time and size. Every failure becomes a result. */
export class ToolRunner {
  readonly #ctx: Pick<Context, "use" | "validate" | "hooks" | "lower">;
  readonly #limits: Limits;

  constructor(ctx: Pick<Context, "use" | "validate" | "hooks" | "lower">, limits: Limits) {
    this.#ctx = ctx;
    this.#limits = limits;
  }

  /** The tools there are, in the order of their names. The model is about to read what third parties say of theirs. */
  async list(): Promise<Map<string, Tool>> {
    const capabilities = await this.#ctx.use("plinth.tool").list();
    const sorted = [...capabilities].sort((a, b) => (a.id < b.id ? -1 : 1));
    for (const { id, extension, trusted } of sorted) if (!trusted) await this.#ctx.lower(extension, `describes the tool ${id}`);
    return new Map(
      sorted.map(({ id, extension, trusted, descriptor: { description, input, say, effects } }) => [
        id,
        {
          spec: { name: id, description, input, ...(say ? { say } : {}) },
          effects,
          maker: `${extension}/${id}`,
          ...(trusted ? {} : { from: extension }),
        },
      ]),
    );
  }

  async run({ id, name, args }: ToolCallPart, tool: Tool, run: Run, signal: AbortSignal): Promise<ToolResult> {
    let stage = "could not be checked";
    // Without what only its model may read.
    const call: ToolCallPart = { type: "tool-call", id, name, args };
    try {
      const problems = await this.#ctx.validate(tool.spec.input, call.args);
      if (problems.length > 0) {
        const list = problems.slice(0, 8).map(({ path, message }) => `${path || "the arguments"} ${message}`);
        return failure("PLINTH_TOOL_INPUT", `The arguments of "${call.name}" do not fit its schema: ${list.join("; ")}.`);
      }
      const names = { runId: run.runId, sessionKey: run.sessionKey };
      const gate = await this.#ctx.hooks.fire("tool.before", { ...names, call, effects: [...tool.effects] }, { signal });
      if (gate.allowed !== true) {
        return failure("PLINTH_TOOL_DENIED", `The call of "${call.name}" was denied by ${gate.by}: ${gate.reason}`);
      }
      stage = "failed";
      const result: unknown = await this.#ctx
        .use("plinth.tool")
        .get(call.name)
        .call({ args: call.args, ...names, workspace: run.workspace }, { signal, deadlineMs: this.#limits.toolTimeoutMs });
      if (!isToolResult(result)) return failure("PLINTH_TOOL_RESULT", `The tool "${call.name}" did not give a result that can be read.`);
      stage = "ran, but its result could not be checked and is withheld";
      const checked = await this.#ctx.hooks.fire("tool.after", { ...names, call, result }, { signal });
      const content = partsFrom(checked.result.content, tool.maker);
      return bounded({ ...checked.result, content }, this.#limits.maxToolResultChars);
    } catch (error) {
      if (signal.aborted) return failure("PLINTH_ABORTED", `The turn was aborted while "${call.name}" ran. It may have had its effect.`);
      const { code, message, next } = errorInfo(error);
      return failure(code, `The tool "${call.name}" ${stage}: ${message}${next ? ` ${next}` : ""}`);
    }
  }
}

export function isReadOnly(tool: Tool | undefined): boolean {
  return tool?.effects.every((effect) => effect === "read") ?? false;
}
