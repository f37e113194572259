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

const stamps = {
  id: Type.String({ description: "Short enough to type; unguessable it is not, and it need not be." }),
  askedBy: Type.String({ description: "The extension that asked, as the host knows it." }),
  askedAt: Type.Number({ description: "Milliseconds since the epoch." }),
  expiresAt: Type.Number({ description: "No answer until then is no." }),
};

/** May this be done? */
export const InteractionApproval = Type.Object({ ...approval, ...stamps });
export type InteractionApproval = Static<typeof InteractionApproval>;

/** One thing to fill in, as every surface can show it. */
export const InteractionField = Type.Object({
  name: text(128, "Its name in `values`."),
  title: text(200),
  description: Type.Optional(text(1_000)),
  type: Type.Enum(["text", "number", "integer", "boolean", "choice", "choices", "secret"], {
    description: "choices: any number of `options`, as an array. secret: not shown while it is typed, and kept nowhere.",
  }),
  required: Type.Boolean(),
  options: Type.Optional(Type.Array(Type.Object({ id: text(200), label: text(200) }), { minItems: 1, maxItems: 100 })),
  format: Type.Optional(Type.Enum(["email", "uri", "date", "date-time"])),
  long: Type.Optional(Type.Boolean({ description: "Room for several lines." })),
  default: Type.Optional(Type.Unknown()),
});
export type InteractionField = Static<typeof InteractionField>;

const QUESTION_KINDS = ["choice", "confirm", "text", "form", "url", "secret"] as const;

const question = {
  ...asked,
  from: text(256, "Whose question it is, such as `acme.weather` or `mcp:github`. The host says it; surfaces show it."),
  tool: Type.Optional(text(256, "The tool that asks, as models call it.")),
  message: text(4_000, "What is asked: the words of `from`, nothing hidden in them."),
};

/** Something only a person knows. A surface needs no more than this: `options` are buttons, `fields` are a form. */
export const InteractionQuestion = Type.Object({
  kind: Type.Enum(QUESTION_KINDS),
  ...question,
  options: Type.Array(Type.Object({ id: text(200), label: text(200), style: Type.Enum(["primary", "normal", "danger"]) }), {
    maxItems: 32,
    description: "Of a choice, a confirm and a url; one of them is the answer. Empty: `fields` are filled in.",
  }),
  fields: Type.Array(InteractionField, { maxItems: 32, description: "Of a text, a form and a secret." }),
  url: Type.Optional(text(8_192, "A page where the person goes on. Never opened by itself.")),
  digest: Type.String({ pattern: "^[0-9a-f]{64}$", description: "sha256, in hex, of all that is shown of it." }),
  ...stamps,
});
export type InteractionQuestion = Static<typeof InteractionQuestion>;

/** What is asked of an owner: an approval, or a question. Pass over a kind that you do not know. */
export const InteractionRequest = Type.Union([InteractionApproval, InteractionQuestion]);
export type InteractionRequest = Static<typeof InteractionRequest>;

/** What became of it. Only `chosen` is a yes, or an answer. */
export const InteractionAnswer = Type.Object({
  answer: Type.Enum(["chosen", "declined", "cancelled", "expired"]),
  option: Type.Optional(Type.String({ description: "The option taken, with `chosen` and with a `declined` by a person." })),
  values: Type.Optional(
    Type.Record(Type.String(), Type.Unknown(), {
      description: "What was filled in, by field. A secret's are told to whoever asked, and to nobody else.",
    }),
  ),
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

const expiresAt = Type.Optional(Type.Number({ description: "Milliseconds since the epoch; default and bound: the provider's." }));
/** Whoever asks for itself need not say it: the host knows. */
const asking = { ...question, from: Type.Optional(question.from), expiresAt };

const Asked = Type.Union([
  Type.Object({ ...approval, expiresAt }),
  Type.Object({
    kind: Type.Literal("choice"),
    ...asking,
    choices: Type.Array(Type.Object({ id: text(200), label: text(200) }), { minItems: 1, maxItems: 32 }),
  }),
  Type.Object({ kind: Type.Literal("confirm"), ...asking }),
  Type.Object({ kind: Type.Literal("text"), ...asking, long: InteractionField.properties.long }),
  Type.Object({
    kind: Type.Literal("form"),
    ...asking,
    schema: Type.Unsafe<Record<string, unknown>>(
      Type.Object(
        { type: Type.Literal("object") },
        { additionalProperties: true, description: "JSON Schema of `values`: a flat object of texts, numbers, yes or no, and choices." },
      ),
    ),
  }),
  Type.Object({ kind: Type.Literal("url"), ...asking, url: text(8_192, "http or https.") }),
  Type.Object({ kind: Type.Literal("secret"), ...asking }),
]);

/** Asks owners. Every surface is a far end of it; whoever may not be asked, does not answer, or is too late, said no. */
export const interaction = defineContract({
  id: "plinth.interaction",
  version: "1.0.0",
  title: "Interaction",
  summary: "Asks an owner before something is done, or what only a person knows, on whatever surface the owner is. No answer is no.",
  cardinality: "one",
  selection: "by-id",
  descriptor: Type.Object({ title: Type.String() }),
  methods: {
    ask: {
      summary:
        "Ask, and wait. Yields `asked` once, unless it is refused without asking, and ends with `answered`. Cancelling withdraws the question. An approval and a secret: first-party callers only; others ask within a turn, and in their own name.",
      input: Asked,
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
        option: Type.Optional(Type.String({ maxLength: 200, description: "One that the request offers." })),
        values: Type.Optional(Type.Record(Type.String(), Type.Unknown(), { description: "Instead of an option, where it has fields." })),
        decline: Type.Optional(Type.Boolean({ description: "true: no answer is given; instead of an option or values." })),
        digest: Type.String({ maxLength: 64, description: "Of what was shown to whoever answers." }),
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
    PLINTH_INTERACTION_VALUES: "What was filled in does not fit; the question still waits.",
    PLINTH_INTERACTION_FORBIDDEN: "The caller may not ask, see or answer.",
    PLINTH_INTERACTION_INVALID: "The request does not hold together, such as a digest that is not its action's, or a form that is not flat.",
  },
});
