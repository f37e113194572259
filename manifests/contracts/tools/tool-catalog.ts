import Type, { type Static } from "typebox";
import { defineContract } from "../../define.ts";
import { ToolCallInput, ToolDescriptor, ToolItem } from "./tool.ts";
import { ToolPlace } from "./tool-place.ts";
import { ToolProblem } from "./tool-set.ts";

/** A tool as it is offered, wherever it comes from. */
export const CatalogTool = Type.Object({
  name: Type.String({ description: "As models call it: letters, digits, `_`, `-` and `.`." }),
  extension: Type.String({ description: "Who provides it." }),
  set: Type.Optional(Type.String({ description: "The tool set that it is of." })),
  tool: Type.Optional(Type.String({ description: "Its name within the set." })),
  source: Type.Optional(Type.String()),
  from: Type.Optional(
    Type.String({
      description: "Whose words its description and its results are, where they are not the product's: an extension's id, or SET:SOURCE.",
    }),
  ),
  descriptor: ToolDescriptor,
  digest: Type.String({ pattern: "^[0-9a-f]{64}$", description: "sha256, in hex, of what it says of itself." }),
});
export type CatalogTool = Static<typeof CatalogTool>;

const place = Type.Object(ToolPlace.properties, {
  description: "Where the tools are for. What the work itself says of that holds as well. Without a surface, tools that need one are left out.",
});

export const toolCatalog = defineContract({
  id: "plinth.tool-catalog",
  version: "1.0.0",
  title: "Tool catalog",
  summary: "Every tool there is, those of `plinth.tool` and those of tool sets, by one name each; and the one way to call them.",
  cardinality: "one",
  selection: "by-id",
  descriptor: Type.Object({ title: Type.String() }),
  methods: {
    list: {
      summary:
        "The tools to tell a model of, sorted by name; whose descriptions they are has a hand in the work from then on. Sets are asked once; what they said is kept, also across restarts.",
      input: Type.Object({
        place: Type.Optional(place),
        everything: Type.Optional(
          Type.Boolean({ description: "For people: also those that models are not told of at once, and nobody's hand is noted. Default false." }),
        ),
      }),
      output: Type.Object({
        tools: Type.Array(CatalogTool),
        deferred: Type.Integer({ minimum: 0, description: "How many more `search` finds." }),
        problems: Type.Array(ToolProblem, { description: "What was left out, and why." }),
        withheld: Type.Optional(
          Type.Array(Type.Object({ name: Type.String({ maxLength: 256 }), why: Type.String({ maxLength: 2_000 }) }), {
            description: "What the tool policy took away, for whoever calls it all the same. Models are not told before.",
          }),
        ),
      }),
      deadlineMs: 70_000,
      idempotent: true,
    },
    search: {
      summary: "Deferred tools that the words fit, best first; whose descriptions they are has a hand in the work from then on.",
      input: Type.Object({
        query: Type.String({ maxLength: 1_000 }),
        limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 50, description: "Default 8." })),
        place: Type.Optional(place),
        among: Type.Optional(
          Type.Array(Type.String({ maxLength: 256 }), {
            maxItems: 10_000,
            description: "Further tools to look at, by name: those that a model was not told of.",
          }),
        ),
      }),
      output: Type.Object({ tools: Type.Array(CatalogTool) }),
      deadlineMs: 70_000,
      idempotent: true,
    },
    find: {
      summary: "One tool, by the name that models use or by its set; without a trace in the work.",
      input: Type.Union([
        Type.Object({ name: Type.String({ maxLength: 256 }) }),
        Type.Object({ set: Type.String(), tool: Type.String(), source: Type.Optional(Type.String()) }),
      ]),
      output: Type.Object({ tool: Type.Optional(CatalogTool) }),
      deadlineMs: 70_000,
      idempotent: true,
    },
    digest: {
      summary: "Of all that the sets of a party say: what an owner allowed that party holds for these bytes. Absent: it has none.",
      input: Type.Object({ party: Type.String({ maxLength: 256 }) }),
      output: Type.Object({ digest: Type.Optional(Type.String()) }),
      deadlineMs: 10_000,
      idempotent: true,
    },
    run: {
      summary:
        "Call a tool. Its arguments are the caller's to check; the host's policy decides. Questions of the tool go to the owner and do not come out here.",
      input: Type.Object({
        name: Type.String({ maxLength: 256 }),
        digest: Type.Optional(Type.String({ description: "Of the tool as it was listed: where it says something else now, it is not called." })),
        place: Type.Optional(place),
        timeoutMs: Type.Optional(Type.Integer({ minimum: 1, description: "Longest run; the tool may want less." })),
        ...ToolCallInput.properties,
      }),
      stream: ToolItem,
      deadlineMs: 0,
    },
  },
  errors: {
    PLINTH_TOOL_UNKNOWN: "There is no such tool.",
    PLINTH_TOOL_DENIED: "The tool policy takes the tool away here.",
    PLINTH_TOOL_CHANGED: "The tool says something else of itself than what was listed. List again, and decide anew.",
    PLINTH_TOOL_RESULT: "The tool gave no result, or one that does not fit its output schema.",
    PLINTH_PERMISSION: "The tool is the owner's only.",
  },
});
