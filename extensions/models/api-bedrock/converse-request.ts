import type { ModelEndpoint, ModelInfo, ModelMessage, ModelRequest } from "@plinth/sdk";
import { claudeThinking, keptMarks, type OutgoingRules, ToolNames, Unsupported } from "@plinth/sdk/kits/model-api";
import { type Block, BlockWriter, text } from "./content.ts";
import { isClaude, isNova, knownModel, type Quirks, thinkingWay } from "./quirks.ts";

/** Cache points that one request may have. */
const MOST_MARKS = 4;
/** Left for the answer beside a budget of thinking. */
const BESIDE_THINKING = 8_192;

export interface ConverseRequest {
  readonly body: Record<string, unknown>;
  /** The tool's name by the name that was sent. */
  readonly toolNames: ReadonlyMap<string, string>;
  readonly warnings: Unsupported["warnings"];
}

/** What the protocol takes. It has no way to forbid calls, and wants the tools of those that were made: without, they are told as text. */
export function rulesOf(endpoint: ModelEndpoint, { model, tools = [], toolChoice }: ModelRequest): OutgoingRules {
  const callable = tools.length > 0 && toolChoice !== "none" && knownModel(endpoint, model)?.tools !== "none";
  return { toolIds: "sixty-four", blank: "drop", first: "user", last: "user", alternate: "turns", tools: callable };
}

/** The body of `POST /model/{id}/converse-stream` (https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html). */
export function converseRequest(endpoint: ModelEndpoint, input: ModelRequest, quirks: Quirks): ConverseRequest {
  const unsupported = new Unsupported(endpoint.title, input);
  const model = knownModel(endpoint, input.model);
  const names = new ToolNames((input.tools ?? []).map(({ name }) => name));
  const writer = new BlockWriter(endpoint.vendor, names, unsupported);
  const system = (input.system ?? []).flatMap(({ text: said, cache }) => {
    const blocks = text(said);
    for (const block of cache === true ? blocks : []) writer.marked.add(block);
    return blocks;
  });
  const messages = inTurns(input.messages, writer);
  if (isCached(input.model, model, quirks)) putMarks([system, ...messages.map(({ content }) => content)], writer.marked, quirks.cacheTtl);
  const think = thinkingFields(input, model, quirks, unsupported);
  const body = {
    messages,
    ...(system.length === 0 ? {} : { system }),
    ...toolFields(input, model, names, unsupported),
    ...inferenceFields(input, model, think, unsupported),
    ...outputFields(input, think.effort, unsupported),
    ...(think.fields === undefined ? {} : { additionalModelRequestFields: think.fields }),
    ...(input.metadata === undefined ? {} : { requestMetadata: input.metadata }),
    ...(quirks.guardrail === undefined ? {} : { guardrailConfig: quirks.guardrail }),
    ...quirks.extraBody,
    ...(input.vendor?.[endpoint.vendor] as object | undefined),
  };
  return { body, toolNames: names.sent, warnings: unsupported.warnings };
}

interface Turn {
  role: "user" | "assistant";
  content: Block[];
}

/** The messages as turns. Roles alternate already, unless a message has nothing for this server in it. */
function inTurns(messages: readonly ModelMessage[], writer: BlockWriter): Turn[] {
  const turns: Turn[] = [];
  for (const message of messages) {
    const role = message.role === "assistant" ? "assistant" : "user";
    const blocks = writer.blocks(message);
    if (blocks.every((block) => "reasoningContent" in block)) continue;
    const last = turns.at(-1);
    if (last?.role === role) last.content.push(...blocks);
    else turns.push({ role, content: blocks });
  }
  return turns;
}

function isCached(id: string, model: ModelInfo | undefined, { noCache }: Quirks): boolean {
  return !noCache && (model?.cache === undefined ? isClaude(id) || isNova(id) : model.cache === "marked");
}

/** A cache point after each marked block; before a thought, which has none after it. */
function putMarks(places: readonly Block[][], marked: ReadonlySet<Block>, ttl: "5m" | "1h" | undefined): void {
  const found = places.flatMap((place, nth) => place.filter((block) => marked.has(block)).map((block) => ({ place, block, shared: nth === 0 })));
  for (const { place, block } of keptMarks(found, MOST_MARKS)) {
    let at = place.indexOf(block);
    while (at >= 0 && "reasoningContent" in place[at]!) at--;
    if (at >= 0 && !("cachePoint" in (place[at + 1] ?? {})))
      place.splice(at + 1, 0, { cachePoint: { type: "default", ...(ttl === undefined ? {} : { ttl }) } });
  }
}

function toolFields(input: ModelRequest, model: ModelInfo | undefined, names: ToolNames, unsupported: Unsupported): object {
  const { tools = [], toolChoice, parallelTools, serverTools = [] } = input;
  const system = serverTools.flatMap(({ id }) => {
    if (/^[a-z]+_[a-z_]+$/.test(id)) return [{ systemTool: { name: id } }];
    unsupported.leave("serverTools", `the server's own tool ${JSON.stringify(id.slice(0, 64))}`);
    return [];
  });
  if (tools.length > 0 && model?.tools === "none") unsupported.leave("tools", "tools");
  if (parallelTools === false && tools.length > 0) unsupported.leave("parallelTools", "a bound on calls in one answer");
  const own = model?.tools === "none" || toolChoice === "none" ? [] : tools;
  const all = [
    ...own.map(({ name, description, input: schema, strict }) => ({
      toolSpec: {
        name: names.wire(name),
        ...(description === "" ? {} : { description }),
        inputSchema: { json: schema.type === "object" ? schema : { ...schema, type: "object" } },
        ...(strict === undefined ? {} : { strict }),
      },
    })),
    ...system,
  ];
  if (all.length === 0) return {};
  const choice =
    typeof toolChoice === "object"
      ? { tool: { name: names.wire(toolChoice.name) } }
      : toolChoice === "required"
        ? { any: {} }
        : toolChoice === "auto"
          ? { auto: {} }
          : undefined;
  return { toolConfig: { tools: all, ...(choice === undefined || own.length === 0 ? {} : { toolChoice: choice }) } };
}

interface Think {
  /** For `additionalModelRequestFields`. */
  fields?: Record<string, unknown>;
  effort?: string;
  budget?: number;
}

function thinkingFields(input: ModelRequest, model: ModelInfo | undefined, quirks: Quirks, unsupported: Unsupported): Think {
  const { thinking, maxOutputTokens } = input;
  const way = thinkingWay(input.model, quirks);
  if (thinking === undefined) return {};
  if (way === "claude") {
    const { thinking: told, effort } = claudeThinking(input, model, unsupported, { maxTokens: maxOutputTokens, noDisplay: true });
    return {
      ...(told === undefined ? {} : { fields: { thinking: told } }),
      ...(effort === undefined ? {} : { effort }),
      ...(told?.budget_tokens === undefined ? {} : { budget: told.budget_tokens }),
    };
  }
  if (thinking === "off") return way === "nova" ? { fields: { reasoningConfig: { type: "disabled" } } } : {};
  if (way === "none" || !("effort" in thinking)) {
    unsupported.leave("thinking", way === "none" ? "how much to think" : "a budget of tokens for thinking; it takes an effort");
    return {};
  }
  if (way === "nova") return { fields: { reasoningConfig: { type: "enabled", maxReasoningEffort: thinking.effort } } };
  return { fields: { reasoning_effort: thinking.effort } };
}

function inferenceFields(input: ModelRequest, model: ModelInfo | undefined, { budget, fields }: Think, unsupported: Unsupported): object {
  const { seed, stop = [] } = input;
  let { maxOutputTokens, temperature, topP } = input;
  if (seed !== undefined) unsupported.leave("seed", "a seed");
  if (model?.sampling === false && temperature !== undefined) temperature = void unsupported.leave("temperature", "a temperature");
  if (model?.sampling === false && topP !== undefined) topP = void unsupported.leave("topP", "a choice among the likeliest tokens");
  const thinks = isClaude(input.model) && /^(enabled|adaptive)$/.test((fields?.thinking as { type?: string } | undefined)?.type ?? "");
  if (thinks && temperature !== undefined && temperature !== 1) temperature = void unsupported.leave("temperature", "a temperature while it thinks");
  if (maxOutputTokens !== undefined && model?.maxOutputTokens !== undefined) maxOutputTokens = Math.min(maxOutputTokens, model.maxOutputTokens);
  // Without, the model's own limit holds, which has to be above the budget.
  if (maxOutputTokens === undefined && budget !== undefined) maxOutputTokens = model?.maxOutputTokens ?? budget + BESIDE_THINKING;
  const config = Object.entries({ maxTokens: maxOutputTokens, temperature, topP, stopSequences: stop.length === 0 ? undefined : stop });
  const said = config.filter(([, value]) => value !== undefined);
  return said.length === 0 ? {} : { inferenceConfig: Object.fromEntries(said) };
}

function outputFields({ output }: ModelRequest, effort: string | undefined, unsupported: Unsupported): object {
  if (output === "json") unsupported.leave("output", "JSON without a schema");
  const textFormat =
    typeof output === "object"
      ? {
          type: "json_schema",
          structure: { jsonSchema: { schema: JSON.stringify(output.schema), ...(output.name === undefined ? {} : { name: output.name }) } },
        }
      : undefined;
  if (textFormat === undefined && effort === undefined) return {};
  return { outputConfig: { ...(textFormat === undefined ? {} : { textFormat }), ...(effort === undefined ? {} : { effort }) } };
}
