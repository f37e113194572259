import Type, { type Static } from "typebox";
import { defineContract } from "../../define.ts";
import { Effect } from "../host/action.ts";
import { Needs } from "../needs.ts";

const variable = Type.String({ maxLength: 128, pattern: "^[A-Za-z_][A-Za-z0-9_]*$" });
const names = Type.Array(Type.String({ maxLength: 256, description: "`*` stands for anything." }), { maxItems: 256 });

/** A value, or the name of a secret that the manifest declares: the host puts it in. */
const Value = Type.Union([
  Type.String({ maxLength: 8_192 }),
  Type.Object({ secret: variable, prefix: Type.Optional(Type.String({ maxLength: 64 })) }, { additionalProperties: false }),
]);

export const McpServer = Type.Object({
  title: Type.String({ maxLength: 200 }),
  description: Type.Optional(Type.String({ maxLength: 2_000 })),
  needs: Type.Optional(Needs),
  program: Type.Optional(
    Type.Object(
      {
        command: Type.String({ minLength: 1, maxLength: 4_096 }),
        args: Type.Optional(Type.Array(Type.String({ maxLength: 8_192 }), { maxItems: 256 })),
        env: Type.Optional(Type.Record(variable, Value, { maxProperties: 64 })),
      },
      { description: "It is a program that speaks over its standard streams; `permissions.exec` has to grant it." },
    ),
  ),
  url: Type.Optional(
    Type.String({ maxLength: 2_048, pattern: "^https?://", description: "It is reached by streamable HTTP; `permissions.net` has to grant it." }),
  ),
  headers: Type.Optional(Type.Record(Type.String({ maxLength: 128 }), Value, { maxProperties: 64 })),
  oauth: Type.Optional(Type.Boolean({ description: "It wants a sign-in, as the protocol's authorization says." })),
  tools: Type.Optional(Type.Object({ only: Type.Optional(names), not: Type.Optional(names) }, { description: "Which of its tools are offered." })),
  effects: Type.Optional(Type.Array(Effect, { description: "All that its tools can do; absent: anything." })),
  timeoutMs: Type.Optional(Type.Integer({ minimum: 100, maximum: 86_400_000, description: "Of one call; default 120,000." })),
});
export type McpServer = Static<typeof McpServer>;

/** A server of tools without a line of code: what is said here is joined with whoever speaks the protocol. */
export const mcpServer = defineContract({
  id: "plinth.mcp-server",
  version: "1.0.0",
  title: "MCP server",
  summary: "A server of the Model Context Protocol as data: a program or an address, what it needs, and which of its tools are offered.",
  cardinality: "many",
  selection: "by-id",
  descriptor: McpServer,
  methods: {},
});
