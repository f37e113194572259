import Type, { type Static } from "typebox";
import { defineContract, openUnion } from "../../define.ts";
import { Usage } from "./event.ts";
import { ModelInfo } from "./model.ts";

const count = (description: string) => Type.Integer({ minimum: 0, description });
const sum = (description: string) => Type.Number({ minimum: 0, description });
const name = Type.String({ maxLength: 512 });
const time = (description: string) => Type.Optional(Type.Number({ minimum: 0, description: `${description} Milliseconds since the epoch.` }));

/** What model calls took together. What their providers did not say is not in the sums: it is counted beside them. */
export const UsageSum = Type.Object({
  calls: count("Of models."),
  failed: count("Of these, those that failed before they had said anything."),
  unknown: count("Of the others, those of which neither tokens nor cost are known."),
  unpriced: count("Of those whose tokens are known, those whose cost is not known."),
  inputTokens: count("All that was read, also what came from a cache."),
  outputTokens: count("All that was written, also the reasoning."),
  cacheReadTokens: count("Of the input, what came from a cache."),
  cacheWriteTokens: count("Of the input, what was put into a cache."),
  reasoningTokens: count("Of the output, what was thought and not said."),
  cost: sum("In US dollars, of the calls whose cost is known."),
});
export type UsageSum = Static<typeof UsageSum>;

export const UsageRow = Type.Object({
  of: Type.String({ description: "Which model, agent, session, day or extension; empty where it belongs to none." }),
  ...UsageSum.properties,
});
export type UsageRow = Static<typeof UsageRow>;

/** A limit of the configuration and how much of it is gone, reserved for calls that run included. */
export const SpendingState = Type.Object({
  scope: Type.Enum(["turn", "session", "day", "agent"], { description: "agent: of one agent in one day." }),
  of: Type.String({ description: "The run, the session, the day or the agent." }),
  usd: Type.Optional(Type.Object({ limit: sum("As it stands now: whoever was asked may have let it be more."), spent: sum("So far.") })),
  tokens: Type.Optional(Type.Object({ limit: sum("Read and written."), spent: sum("So far.") })),
});
export type SpendingState = Static<typeof SpendingState>;

/** Keeps what models took, and holds the owner's limits. Whose a call is, it takes from the host and from no payload. */
export const usage = defineContract({
  id: "plinth.usage",
  version: "1.0.0",
  title: "Usage",
  summary: "Records what each model call took and cost, and asks the owner before a limit is passed.",
  cardinality: "one",
  selection: "by-id",
  descriptor: Type.Object({ title: Type.String({ maxLength: 200 }) }),
  methods: {
    admit: {
      summary:
        "A model call is about to be made. Ends with `admitted`, or throws PLINTH_SPENDING_LIMIT. `asking` comes again every half minute while an owner is asked. The product's own callers only.",
      input: Type.Object({
        provider: name,
        model: name,
        price: ModelInfo.properties.price,
        contextTokens: ModelInfo.properties.contextTokens,
        local: Type.Optional(Type.Boolean({ description: "It runs on the owner's machine: an unknown price of it is nothing to ask about." })),
        inputTokens: count("What it will read, roughly."),
        purpose: Type.Optional(
          Type.String({
            maxLength: 64,
            description:
              "What else than a completion it is, such as embedding. Few such prices are for tokens: one that is not known is nothing to ask about.",
          }),
        ),
        by: Type.String({ maxLength: 256, description: "The extension that wants the answer." }),
      }),
      stream: openUnion("type", [
        Type.Object({ type: Type.Literal("asking"), message: Type.String() }),
        Type.Object({ type: Type.Literal("admitted"), call: Type.String({ description: "For `settle`." }) }),
      ]),
      deadlineMs: 120_000,
    },
    settle: {
      summary: "What an admitted call took. Once for each; one that is never settled counts with what it was to read.",
      input: Type.Object({
        call: Type.String({ maxLength: 64 }),
        status: Type.Enum(["ok", "error", "aborted"], {
          description: "error: it failed before it had said anything. aborted: it was broken off, by whichever side.",
        }),
        usage: Type.Optional(Type.Partial(Usage)),
      }),
      output: Type.Object({}),
      deadlineMs: 10_000,
      idempotent: true,
    },
    totals: {
      summary: "Sums over what is on record, the dearest first, days the newest first. Owners only.",
      input: Type.Object({
        by: Type.Enum(["model", "agent", "session", "day", "extension", "all"], { description: "all: one row." }),
        since: time("From then on."),
        until: time("Before."),
        sessionKey: Type.Optional(Type.String({ maxLength: 256, description: "Only this session's." })),
        runId: Type.Optional(Type.String({ maxLength: 64, description: "Only this turn's; `last`: of the session's newest turn." })),
        limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000, description: "Rows. Default 100." })),
      }),
      output: Type.Object({
        rows: Type.Array(UsageRow),
        total: UsageSum,
        since: Type.Optional(Type.Number({ description: "The oldest call on record." })),
      }),
      deadlineMs: 10_000,
      idempotent: true,
    },
    limits: {
      summary: "The limits that hold for a session now, and how much of each is gone. Owners only.",
      input: Type.Object({ sessionKey: Type.Optional(Type.String({ maxLength: 256 })), agent: Type.Optional(Type.String({ maxLength: 256 })) }),
      output: Type.Object({ limits: Type.Array(SpendingState) }),
      deadlineMs: 10_000,
      idempotent: true,
    },
  },
  errors: {
    PLINTH_SPENDING_LIMIT: "A limit of the configuration is reached, and nobody said that it may be passed.",
    PLINTH_USAGE_STORE: "The record cannot be read or written.",
  },
});
