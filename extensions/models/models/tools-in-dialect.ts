import type { ModelEvent, ModelRequest, ModelTool } from "@plinth/sdk";
import { type Dialect, schemaFor, strictSchema, withoutStandIns } from "@plinth/sdk/kits/model-api";

interface Rewritten {
  readonly input: Record<string, unknown>;
  /** The model is bound to it: nulls in its calls may stand for what is absent. */
  readonly strict: boolean;
}

/** Rewritten once for each dialect, as long as the tool's own schema is there. */
const rewritten = new WeakMap<object, Map<Dialect, Rewritten>>();

/** A request with its tools' schemas as a server takes them: one that says more than its dialect knows makes no request fail. */
export function inDialect<R extends Pick<ModelRequest, "tools">>(dialect: Dialect | undefined, request: R): R {
  if (dialect === undefined || request.tools === undefined) return request;
  return { ...request, tools: request.tools.map((tool) => toolIn(dialect, tool)) };
}

function toolIn(dialect: Dialect, tool: ModelTool): ModelTool {
  const { input, strict } = schemaIn(dialect, tool.input);
  return { ...tool, input, ...(strict ? { strict } : {}) };
}

/** An answer as the tools' own schemas have it. */
export function fromDialect(
  dialect: Dialect | undefined,
  tools: readonly ModelTool[] = [],
  events: AsyncIterable<ModelEvent>,
): AsyncIterable<ModelEvent> {
  return dialect?.strict === true ? inOwnWords(dialect, tools, events) : events;
}

async function* inOwnWords(dialect: Dialect, tools: readonly ModelTool[], events: AsyncIterable<ModelEvent>): AsyncGenerator<ModelEvent> {
  for await (const event of events) yield inOwn(dialect, tools, event);
}

function inOwn(dialect: Dialect, tools: readonly ModelTool[], event: ModelEvent): ModelEvent {
  if (event.type !== "tool-call") return event;
  const tool = tools.find(({ name }) => name === event.call.name);
  if (tool === undefined || !schemaIn(dialect, tool.input).strict) return event;
  return { ...event, call: { ...event.call, args: withoutStandIns(tool.input, event.call.args) } };
}

function schemaIn(dialect: Dialect, schema: Record<string, unknown>): Rewritten {
  const known = rewritten.get(schema) ?? new Map<Dialect, Rewritten>();
  rewritten.set(schema, known);
  let own = known.get(dialect);
  if (own === undefined) {
    const { schema: input } = schemaFor(dialect, schema);
    const strict = dialect.strict === true ? strictSchema(input) : undefined;
    known.set(dialect, (own = { input: strict ?? input, strict: strict !== undefined }));
  }
  return own;
}
