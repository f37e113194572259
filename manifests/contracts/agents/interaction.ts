import Type, { type Static } from "typebox";
import { defineContract } from "../../define.ts";
import { ActionSubject, Effect } from "../host/action.ts";

const text = (maxLength: number, description?: string) => Type.String({ maxLength, ...(description ? { description } : {}) });

/** Exactly what will be done. An answer holds for this and nothing else: `digest` is taken over the whole of it. */
export const InteractionAction = Type.Object({
  effect: Effect,
  tool: text(256, "The tool that would be called."),
  summary: text(2_000, "In plain words, such as `Run a command in the workspace`."),
  args: Type.Record(Type.String(), Type.Unknown(), { description: "The call's arguments; surfaces show them whole." }),
  subject: Type.Optional(ActionSubject),
});
export type InteractionAction = Static<typeof InteractionAction>;

export const InteractionOption = Type.Object({
  id: Type.Enum(["once", "session", "always", "deny"], { description: "How far a yes reaches. `deny` is always offered." }),
  label: text(80),
  style: Type.Enum(["primary", "normal", "danger"]),
});
export type InteractionOption = Static<typeof InteractionOption>;

const asked = {
  sessionKey: Type.String({ minLength: 1, maxLength: 256 }),
  runId: Type.String({ minLength: 1, maxLength: 64 }),
  agent: Type.Optional(text(256)),
  title: text(200, "One line."),
};

const approval = {
  kind: Type.Literal("approval"),
  ...asked,
  action: InteractionAction,
  digest: Type.String({ pattern: "^[0-9a-f]{64}$", description: "sha256, in hex, of the action as canonical JSON." }),
  influencedBy: Type.Array(
    Type.Object({
      party: text(256, "An extension's id, `outside` for text from elsewhere, or `guest:NAME`."),
      how: text(500, "In plain words, such as `changed the message`."),
    }),
    { maxItems: 64, description: "Everyone but the owner and the product who had a hand in it." },
  ),
  risk: Type.Enum(["low", "medium", "high"]),
  why: text(1_000, "Why it is asked, and what makes the risk."),
  options: Type.Array(InteractionOption, { minItems: 1, maxItems: 8 }),
};

/** What is asked of an owner. Other kinds (choice, form, url, secret, oauth) join this union; ignore one that you do not know. */
export const InteractionRequest = Type.Union([
  Type.Object({
    ...approval,
    id: Type.String({ description: "Short enough to type; unguessable it is not, and it need not be." }),
    askedBy: Type.String({ description: "The extension that asked, as the host knows it." }),
    askedAt: Type.Number({ description: "Milliseconds since the epoch." }),
    expiresAt: Type.Number({ description: "No answer until then is no." }),
  }),
]);
export type InteractionRequest = Static<typeof InteractionRequest>;

/** What became of it. Only `chosen` is a yes. */
export const InteractionAnswer = Type.Object({
  answer: Type.Enum(["chosen", "declined", "cancelled", "expired"]),
  option: Type.Optional(Type.String({ description: "The option taken, with `chosen` and with a `declined` by a person." })),
  by: Type.Object({
    role: Type.Enum(["owner", "guest", "system"]),
    via: Type.String({ description: "Where the identity was proven, such as `gateway-token`; for the system, its reason in a word." }),
    name: Type.Optional(Type.String()),
  }),
  at: Type.Number(),
  why: Type.Optional(Type.String({ description: "In a sentence, when nobody was asked or nobody answered." })),
});
export type InteractionAnswer = Static<typeof InteractionAnswer>;

/** One step of a request, as askers, watchers and turns tell it. */
export const InteractionStep = Type.Union([
  Type.Object({ state: Type.Literal("asked"), request: InteractionRequest }),
  Type.Object({ state: Type.Literal("answered"), request: InteractionRequest, answer: InteractionAnswer }),
]);
export type InteractionStep = Static<typeof InteractionStep>;

/** Asks owners. Every surface is a far end of it; whoever may not be asked, does not answer, or is too late, said no. */
export const interaction = defineContract({
  id: "plinth.interaction",
  version: "1.0.0",
  title: "Interaction",
  summary: "Asks an owner before something is done, on whatever surface the owner is. No answer is no.",
  cardinality: "one",
  selection: "by-id",
  descriptor: Type.Object({ title: Type.String() }),
  methods: {
    ask: {
      summary:
        "Ask, and wait. Yields `asked` once, unless it is refused without asking, and ends with `answered`. Cancelling withdraws the question. First-party callers only.",
      input: Type.Union([
        Type.Object({
          ...approval,
          expiresAt: Type.Optional(Type.Number({ description: "Milliseconds since the epoch; default and bound: the provider's." })),
        }),
      ]),
      stream: InteractionStep,
      deadlineMs: 0,
    },
    pending: {
      summary: "What waits for an answer, oldest first. Owners only.",
      input: Type.Object({ sessionKey: Type.Optional(Type.String()) }),
      output: Type.Object({ requests: Type.Array(InteractionRequest) }),
      deadlineMs: 5_000,
      idempotent: true,
    },
    answer: {
      summary: "Answer for the owner. The first answer holds. Owners only, and through no third party's hands.",
      input: Type.Object({
        id: Type.String({ maxLength: 64 }),
        option: Type.String({ maxLength: 64 }),
        digest: Type.String({ maxLength: 64, description: "Of the action that was shown to whoever answers." }),
      }),
      output: Type.Object({ request: InteractionRequest, answer: InteractionAnswer }),
      deadlineMs: 10_000,
    },
    withdraw: {
      summary: "Take a question back because nobody can answer it where it was asked: it counts as no. First-party callers only.",
      input: Type.Object({ id: Type.String({ maxLength: 64 }), why: text(1_000, "A sentence.") }),
      output: Type.Object({ answer: InteractionAnswer }),
      deadlineMs: 10_000,
      idempotent: true,
    },
    history: {
      summary: "What was asked and what became of it, newest first; kept for a bounded time. Owners only.",
      input: Type.Object({
        limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000, description: "Default 50." })),
        before: Type.Optional(Type.Number({ description: "Only those asked earlier than this, in milliseconds since the epoch." })),
      }),
      output: Type.Object({ entries: Type.Array(Type.Object({ request: InteractionRequest, answer: InteractionAnswer })) }),
      deadlineMs: 10_000,
      idempotent: true,
    },
    changes: {
      summary: "First what is pending, then each step as it happens. Owners only.",
      input: Type.Object({ sessionKey: Type.Optional(Type.String()) }),
      stream: Type.Union([Type.Object({ state: Type.Literal("pending"), requests: Type.Array(InteractionRequest) }), InteractionStep]),
      deadlineMs: 0,
    },
  },
  errors: {
    PLINTH_INTERACTION_UNKNOWN: "There is no such request, or it is gone from the history.",
    PLINTH_INTERACTION_ANSWERED: "Somebody answered it before, or it expired; the message says who and how.",
    PLINTH_INTERACTION_CHANGED: "The digest is not that of the request: what was shown is not what is asked.",
    PLINTH_INTERACTION_OPTION: "The request does not offer this option.",
    PLINTH_INTERACTION_FORBIDDEN: "The caller may not ask, see or answer.",
    PLINTH_INTERACTION_INVALID: "The request does not hold together, such as a digest that is not its action's.",
  },
});
