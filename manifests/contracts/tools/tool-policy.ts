import Type, { type Static } from "typebox";
import { defineContract } from "../../define.ts";
import { CatalogTool } from "./tool-catalog.ts";
import { ToolPlace } from "./tool-place.ts";

const name = (description: string) => Type.Optional(Type.String({ maxLength: 512, description }));
const patterns = (description: string) => Type.Optional(Type.Array(Type.String({ minLength: 1, maxLength: 512 }), { maxItems: 512, description }));

/** What one level says. It can only take away: what several say is what all of them leave. */
export const ToolRules = Type.Object({
  level: Type.String({ minLength: 1, maxLength: 128, description: "Whose rules these are, for people: route, session." }),
  profile: name("A set of tools by its name."),
  allow: patterns("Beside the profile's; without a profile, these alone. Absent, and no profile: all."),
  deny: patterns("Not these, whatever else is said."),
});
export type ToolRules = Static<typeof ToolRules>;

/** What was decided of one tool. */
export const ToolDecision = Type.Object({
  name: Type.String({ maxLength: 256 }),
  offered: Type.Boolean(),
  level: Type.Optional(Type.String({ maxLength: 256, description: "Which level took it away." })),
  rule: Type.Optional(Type.String({ maxLength: 1_024, description: "What there took it away, such as `deny group:exec`." })),
  levels: Type.Optional(
    Type.Array(Type.Object({ level: Type.String({ maxLength: 256 }), offered: Type.Boolean(), rule: Type.String({ maxLength: 1_024 }) }), {
      description: "What each level says, where that was asked for.",
    }),
  ),
});
export type ToolDecision = Static<typeof ToolDecision>;

export const toolPolicy = defineContract({
  id: "plinth.tool-policy",
  version: "1.0.0",
  title: "Tool policy",
  summary:
    "Which tools there are for an agent, a model, a channel, a person, a conversation. It hides tools and does not guard what they do: that is `plinth.policy`.",
  cardinality: "one",
  selection: "by-id",
  descriptor: Type.Object({ title: Type.String() }),
  methods: {
    decide: {
      summary:
        "Decide of each tool. One more place, or one more of `rules`, never gives a tool back; neither their order nor that of the tools matters. Where it fails, there are no tools.",
      input: Type.Object({
        places: Type.Array(ToolPlace, { maxItems: 64, description: "Every one of them has to leave a tool." }),
        rules: Type.Array(ToolRules, { maxItems: 256, description: "Beside its own: what a router or a conversation says." }),
        tools: Type.Array(CatalogTool),
        explain: Type.Optional(Type.Boolean({ description: "true: with `levels`. Default false." })),
      }),
      output: Type.Object({ decisions: Type.Array(ToolDecision, { description: "One for each tool, in the order of the tools." }) }),
      deadlineMs: 5_000,
      idempotent: true,
    },
  },
});
