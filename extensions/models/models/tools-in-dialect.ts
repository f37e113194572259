import type { ModelTool } from "@plinth/sdk";
import { type Dialect, schemaFor } from "@plinth/sdk/kits/model-api";

/** Rewritten once for each dialect, as long as the tool's own schema is there. */
const rewritten = new WeakMap<object, Map<Dialect, Record<string, unknown>>>();

/** Tools with their schemas as a server takes them: one that says more than its dialect knows makes no request fail. */
export const toolsIn = (dialect: Dialect, tools: readonly ModelTool[]): ModelTool[] =>
  tools.map((tool) => ({ ...tool, input: inDialect(dialect, tool.input) }));

function inDialect(dialect: Dialect, schema: Record<string, unknown>): Record<string, unknown> {
  const known = rewritten.get(schema) ?? new Map<Dialect, Record<string, unknown>>();
  rewritten.set(schema, known);
  let own = known.get(dialect);
  if (own === undefined) known.set(dialect, (own = schemaFor(dialect, schema).schema));
  return own;
}
