import Type, { type Static } from "typebox";
import { defineContract, openUnion } from "../../define.ts";

const id = Type.String({ minLength: 1, maxLength: 256, description: "Such as `openai:work`." });
const vendor = Type.String({ minLength: 1, maxLength: 128 });
const model = Type.String({ maxLength: 256 });
const agent = Type.String({ maxLength: 128 });

const Reason = Type.Enum(
  ["ok", "cooldown", "disabled", "expired", "invalid", "missing", "unresolved", "sign-in", "left-out", "no-model", "not-for-agent"],
  {
    description:
      "Why it can be used or not. cooldown: it failed a moment ago. disabled: it was refused, or has to be paid for. invalid: what is kept of it is not well-formed. missing: it refers to a secret that is not set. unresolved: the program, file or store that it refers to gives nothing. sign-in: the owner has to sign in again. left-out: the order that is set does not name it. no-model: the vendor said that it has not this model.",
  },
);

/** Where its value is read, each time anew: nothing of it is copied. */
export const CredentialFrom = Type.Union([
  Type.Object(
    { secret: Type.String({ pattern: "^[A-Za-z][A-Za-z0-9_]{0,127}$", description: "Name of a secret." }) },
    { additionalProperties: false },
  ),
  Type.Object(
    {
      login: Type.String({ pattern: "^[a-z][a-z0-9-]{0,31}$", description: "Another program's sign-in on this machine: codex, claude, gcloud, gh." }),
    },
    { additionalProperties: false },
  ),
  Type.Object(
    {
      command: Type.Array(Type.String({ minLength: 1, maxLength: 1_024 }), {
        minItems: 1,
        maxItems: 32,
        description: "A program and its arguments. The first line that it prints is the value.",
      }),
    },
    { additionalProperties: false },
  ),
  Type.Object(
    { keyring: Type.String({ minLength: 1, maxLength: 256, description: "Account in the system's keyring, of the service `plinth`." }) },
    { additionalProperties: false },
  ),
]);
export type CredentialFrom = Static<typeof CredentialFrom>;

/** Proof of who asks a vendor, by reference: no method of the contract gives the value. */
export const Credential = Type.Object({
  id,
  vendor,
  kind: Type.Enum(["key", "token", "oauth", "aws", "none"]),
  title: Type.Optional(Type.String({ maxLength: 200 })),
  secret: Type.Optional(
    Type.String({
      maxLength: 256,
      description: "Name of the secret, to be lent; the host puts its value into requests. `list` has it for keys alone.",
    }),
  ),
  exchanged: Type.Optional(
    Type.Boolean({ description: "A short-lived token is sent for it, which `refresh` gets; `secret` and `expiresAt` are that one's." }),
  ),
  headers: Type.Optional(
    Type.Record(Type.String({ maxLength: 128 }), Type.String({ maxLength: 256 }), {
      description: "What requests with it have besides, such as an account's number. Of `choose` and `refresh`.",
    }),
  ),
  baseUrl: Type.Optional(
    Type.String({ maxLength: 2_048, description: "exchanged: where requests go, where the server that gave the token says so." }),
  ),
  held: Type.Optional(Type.Boolean({ description: "`secret` is good for being lent alone, until the host stops." })),
  given: Type.Optional(Type.Boolean({ description: "Nobody added it: it is the vendor's own by name." })),
  from: Type.Optional(Type.String({ maxLength: 200, description: "In words: where its value comes from." })),
  agent: Type.Optional(Type.String({ maxLength: 128, description: "It is for this one alone." })),
  expiresAt: Type.Optional(Type.Number()),
  usedAt: Type.Optional(Type.Number()),
  until: Type.Optional(Type.Number({ description: "cooldown, disabled: when it may be tried again." })),
  failures: Type.Optional(Type.Integer({ minimum: 0, description: "In a row." })),
  untried: Type.Optional(
    Type.Boolean({ description: "It refers to a program, or to the keyring through one, that was not run yet: a list runs none." }),
  ),
  usable: Type.Boolean(),
  reason: Reason,
});
export type Credential = Static<typeof Credential>;

export const credentials = defineContract({
  id: "plinth.credentials",
  version: "1.0.0",
  title: "Credentials",
  summary: "Which proof is used for a vendor: their order, which of them can be used now and why not, and what happened with each.",
  cardinality: "one",
  selection: "by-id",
  descriptor: Type.Object({ title: Type.String({ maxLength: 200 }) }),
  methods: {
    list: {
      summary: "All there are, usable or not, with the reason; those of one vendor in the order in which they are tried.",
      input: Type.Object({ vendor: Type.Optional(vendor), agent: Type.Optional(agent) }),
      output: Type.Object({ credentials: Type.Array(Credential, { maxItems: 1_000 }) }),
      deadlineMs: 5_000,
      idempotent: true,
    },
    choose: {
      summary: "Those to be tried for a request, in order. A session stays with the first as long as it can be used.",
      input: Type.Object({
        vendor,
        model: Type.Optional(model),
        agent: Type.Optional(agent),
        sessionKey: Type.Optional(Type.String({ maxLength: 256 })),
        pinned: Type.Optional(Type.String({ ...id, description: "Asked first while it can be used, whatever the order." })),
      }),
      output: Type.Object({
        order: Type.Array(Credential, { maxItems: 1_000, description: "Usable ones only." }),
        passed: Type.Array(Credential, { maxItems: 1_000, description: "The others, each with its reason." }),
      }),
      deadlineMs: 5_000,
      idempotent: true,
    },
    report: {
      summary:
        "What came of using it: from that follow its cooldown and the next order. For the product's `plinth.models` alone, as are `choose` and `refresh`.",
      input: Type.Object({
        id,
        model: Type.Optional(model),
        outcome: Type.Enum(["ok", "auth", "billing", "quota", "rate", "overloaded", "server", "network", "model"]),
        retryAfterMs: Type.Optional(Type.Integer({ minimum: 0 })),
      }),
      output: Type.Object({ credential: Credential }),
      deadlineMs: 5_000,
    },
    add: {
      summary: "Keep one by reference. What comes from signing in is refused here. In an owner's work only.",
      input: Type.Object({
        vendor,
        id: Type.Optional(id),
        kind: Type.Enum(["key", "token", "oauth"], {
          description: "key: sent as the vendor's keys are. token: sent as what a sign-in gives. oauth: refused, see `login`.",
        }),
        from: CredentialFrom,
        title: Type.Optional(Type.String({ maxLength: 200 })),
        agent: Type.Optional(agent),
        expiresAt: Type.Optional(Type.Number({ description: "When it ends, in milliseconds since the epoch." })),
      }),
      output: Type.Object({ credential: Credential }),
      deadlineMs: 15_000,
    },
    login: {
      summary: "Sign in at a vendor, by its device flow or in a browser on this machine. Ends with `done`. In an owner's work only.",
      input: Type.Object({
        vendor,
        id: Type.Optional(id),
        title: Type.Optional(Type.String({ maxLength: 200 })),
        agent: Type.Optional(agent),
        flow: Type.Optional(Type.Enum(["device", "browser"], { description: "Default: the first of the two that the vendor has." })),
      }),
      stream: openUnion("type", [
        Type.Object({
          type: Type.Literal("visit"),
          url: Type.String({ maxLength: 4_096, description: "Where the owner signs in." }),
          code: Type.Optional(Type.String({ maxLength: 64, description: "What to type there." })),
          expiresAt: Type.Number(),
        }),
        Type.Object({ type: Type.Literal("done"), credential: Credential }),
      ]),
      deadlineMs: 960_000,
    },
    refresh: {
      summary: "Get a new token for one that expires, or is exchanged for one. Whoever asks meanwhile waits for the same one.",
      input: Type.Object({
        id,
        minValidMs: Type.Optional(Type.Integer({ minimum: 0, description: "Default 60,000: not before it is that short." })),
      }),
      output: Type.Object({ credential: Credential, refreshed: Type.Boolean() }),
      deadlineMs: 60_000,
      idempotent: true,
    },
    order: {
      summary: "Set the order for a vendor; an empty one is the automatic order. In an owner's work only.",
      input: Type.Object({ vendor, ids: Type.Array(id, { maxItems: 256 }), agent: Type.Optional(agent) }),
      output: Type.Object({}),
      deadlineMs: 5_000,
      idempotent: true,
    },
    remove: {
      summary: "Forget one, and revoke its token where the vendor can. In an owner's work only.",
      input: Type.Object({ id }),
      output: Type.Object({ removed: Type.Boolean(), revoked: Type.Optional(Type.Boolean()) }),
      deadlineMs: 30_000,
      idempotent: true,
    },
  },
  errors: {
    PLINTH_CREDENTIAL_UNKNOWN: "There is no such credential, or no such vendor.",
    PLINTH_CREDENTIAL_STATIC: "What comes from signing in takes no fixed secret.",
    PLINTH_CREDENTIAL_LOGIN: "Signing in did not work; `details.reason` is the server's word.",
    PLINTH_CREDENTIAL_REFRESH: "The vendor gave no new token; `details.again` says whether the owner has to sign in.",
    PLINTH_MODEL_AUTH: "The server that exchanges it refused it.",
    PLINTH_MODEL_RATE: "The server that exchanges it was asked too often.",
    PLINTH_MODEL_SERVER: "The server that exchanges it failed, or answered with something else than a token.",
    PLINTH_MODEL_NETWORK: "The server that exchanges it cannot be reached.",
    PLINTH_PERMISSION: "Only an owner may do that.",
  },
});
