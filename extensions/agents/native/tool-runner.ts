import {
  type CatalogTool,
  type Context,
  errorInfo,
  PlinthError,
  partsFrom,
  type ToolCallPart,
  type ToolPlace,
  type ToolResult,
  type TurnEvent,
  toolCallsOf,
} from "@plinth/sdk";
import type { Limits, LoopInput, TurnTools } from "./loop.ts";
import { Telling } from "./telling.ts";
import type { Tool } from "./tool.ts";
import { bounded, failure, isToolResult } from "./tool-result.ts";
import { foundWords, SEARCH, SEARCH_TOOL, searchOf, told } from "./tool-search.ts";

/** So few tools every server takes; nobody is asked how many it does. */
const FEW = 32;

type Parts = Pick<Context, "use" | "validate" | "hooks">;

/** The tools of one turn. Calls: arguments checked, through the gate, bounded in time and size. Every failure becomes a result. */
export class ToolRunner {
  readonly #ctx: Parts;
  readonly #limits: Limits;
  readonly #turn: LoopInput;
  /** What the model searched for and found. */
  readonly #found = new Map<string, CatalogTool>();
  readonly #most: (signal: AbortSignal) => Promise<number>;
  /** Names of tools that were called, the newest first. */
  #called: string[];
  /** Names of those that the model was not told of, because there are more than its server takes. */
  #untold: string[] = [];

  /** @param most how many tools the turn's model takes. */
  constructor(ctx: Parts, limits: Limits, turn: LoopInput, most: (signal: AbortSignal) => Promise<number>) {
    this.#ctx = ctx;
    this.#limits = limits;
    this.#turn = turn;
    this.#most = most;
    this.#called = turn.history.flatMap(({ content }) => toolCallsOf(content).map(({ name }) => name)).reverse();
  }

  /** The tools there are, in the order of their names. The model is about to read what third parties say of theirs; the catalog notes it. */
  async list(beside: number, signal: AbortSignal): Promise<TurnTools> {
    const { tools, deferred, withheld = [] } = await this.#catalog.list({ place: this.#place }).catch(withoutCatalog);
    const all = new Map([...tools, ...this.#found.values()].map((one) => [one.name, known.get(one) ?? toolOf(one)]));
    if (deferred > 0) all.set(SEARCH, SEARCH_TOOL);
    const sorted = [...all.values()].sort((a, b) => (a.spec.name < b.spec.name ? -1 : 1));
    // Where nobody can be asked, the answer says why.
    const most = sorted.length + beside <= FEW ? Number.POSITIVE_INFINITY : await this.#most(signal).catch(() => Number.POSITIVE_INFINITY);
    const offered = told(sorted, most - beside, [...this.#called, ...[...this.#found.keys()].reverse()]);
    this.#untold = sorted.filter((one) => !offered.includes(one)).map(({ spec }) => spec.name);
    const away = withheld.length === 0 ? {} : { withheld: new Map(withheld.map(({ name, why }) => [name, why])) };
    if (this.#untold.length === 0) return { all, offered, ...away };
    all.set(SEARCH, SEARCH_TOOL);
    return { all, ...away, offered: offered.map((one) => (one === SEARCH_TOOL ? searchOf(this.#untold) : one)) };
  }

  async run({ id, name, args }: ToolCallPart, tool: Tool, signal: AbortSignal, tell: (event: TurnEvent) => void): Promise<ToolResult> {
    let stage = "could not be checked";
    // Without what only its model may read.
    const call: ToolCallPart = { type: "tool-call", id, name, args };
    if (tool !== SEARCH_TOOL) this.#called = [name, ...this.#called.filter((one) => one !== name)];
    try {
      const problems = await this.#ctx.validate(tool.spec.input, call.args);
      if (problems.length > 0) {
        const list = problems.slice(0, 8).map(({ path, message }) => `${path || "the arguments"} ${message}`);
        return failure("PLINTH_TOOL_INPUT", `The arguments of "${call.name}" do not fit its schema: ${list.join("; ")}.`);
      }
      if (tool === SEARCH_TOOL) return await this.#search(String(args.query), signal);
      const { runId, sessionKey } = this.#turn;
      const names = { runId, sessionKey };
      const gate = await this.#ctx.hooks.fire("tool.before", { ...names, call, effects: [...tool.effects] }, { signal });
      if (gate.allowed !== true) {
        return failure("PLINTH_TOOL_DENIED", `The call of "${call.name}" was denied by ${gate.by}: ${gate.reason}`);
      }
      stage = "failed";
      const result: unknown = await this.#result(call, tool, signal, tell);
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

  async #result({ id, name, args }: ToolCallPart, { digest }: Tool, signal: AbortSignal, tell: (event: TurnEvent) => void): Promise<unknown> {
    const { runId, sessionKey, workspace, agent, locale } = this.#turn;
    const told = { runId, sessionKey, workspace, ...(agent === undefined ? {} : { agent }), ...(locale === undefined ? {} : { locale }) };
    const listed = digest === undefined ? {} : { digest };
    const items = this.#catalog.run(
      { name, args, callId: id, place: this.#place, ...told, ...listed, timeoutMs: this.#limits.toolTimeoutMs },
      { signal },
    );
    const telling = new Telling(id, name, tell);
    let result: unknown;
    for await (const item of items) {
      if (item.type === "result") result = item.result;
      else telling.add(item);
    }
    return result;
  }

  /** What it finds is offered from the next model call on. */
  async #search(query: string, signal: AbortSignal): Promise<ToolResult> {
    const { tools } = await this.#catalog.search(
      { query, place: this.#place, ...(this.#untold.length === 0 ? {} : { among: this.#untold }) },
      { signal },
    );
    for (const tool of tools) this.#found.set(tool.name, tool);
    return foundWords(tools);
  }

  get #catalog() {
    return this.#ctx.use("plinth.tool-catalog").one();
  }

  get #place(): ToolPlace {
    const { surface, agent, sessionKey, model, fallbacks } = this.#turn;
    return {
      sessionKey,
      model,
      ...(fallbacks === undefined ? {} : { fallbacks }),
      ...(surface === undefined ? {} : { surface }),
      ...(agent === undefined ? {} : { agent }),
    };
  }
}

/** The catalog gives the same object as long as a tool says the same of itself. */
const known = new WeakMap<CatalogTool, Tool>();

function toolOf(listed: CatalogTool): Tool {
  const { name, extension, from, digest, descriptor } = listed;
  const { description, input, say, effects, parallel, secretsInArgs = [] } = descriptor;
  const tool: Tool = {
    spec: { name, description, input, ...(say ? { say } : {}), extension },
    ...{ effects, digest, maker: `${extension}/${name}`, secrets: secretsInArgs },
    parallel: parallel ?? effects.every((effect) => effect === "read"),
    ...(from === undefined ? {} : { from }),
  };
  known.set(listed, tool);
  return tool;
}

/** A host without a catalog has no tools. */
function withoutCatalog(error: unknown): { tools: CatalogTool[]; deferred: number; withheld?: { name: string; why: string }[] } {
  if (error instanceof PlinthError && error.code === "PLINTH_CAPABILITY_MISSING") return { tools: [], deferred: 0 };
  throw error;
}
