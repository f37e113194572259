import Type, { type Static } from "typebox";
import { defineContract } from "../../define.ts";

const id = Type.String({ minLength: 1, maxLength: 256, description: "Such as `openai:work`." });
const vendor = Type.String({ minLength: 1, maxLength: 128 });
const model = Type.String({ maxLength: 256 });
const agent = Type.String({ maxLength: 128 });

const Reason = Type.Enum(["ok", "cooldown", "disabled", "expired", "missing", "unresolved", "left-out", "no-model", "not-for-agent"], {
  description: "Why it can be used or not. left-out: the order that is set does not name it. unresolved: what it refers to gives nothing.",
});

/** Proof of who asks a vendor, by reference: no method of the contract gives the value. */
export const Credential = Type.Object({
  id,
  vendor,
  kind: Type.Enum(["key", "token", "oauth", "aws", "none"]),
  title: Type.Optional(Type.String({ maxLength: 200 })),
  secret: Type.Optional(Type.String({ maxLength: 256, description: "Name of the secret; the host puts its value into requests." })),
  expiresAt: Type.Optional(Type.Number()),
  usedAt: Type.Optional(Type.Number()),
  until: Type.Optional(Type.Number({ description: "cooldown, disabled: when it may be tried again." })),
  failures: Type.Optional(Type.Integer({ minimum: 0, description: "In a row." })),
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
      summary: "All there are, usable or not, with the reason.",
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
        pinned: Type.Optional(id),
      }),
      output: Type.Object({
        order: Type.Array(Credential, { maxItems: 1_000, description: "Usable ones only." }),
        passed: Type.Array(Credential, { maxItems: 1_000, description: "The others, each with its reason." }),
      }),
      deadlineMs: 5_000,
      idempotent: true,
    },
    report: {
      summary: "What came of using it: from that follow its cooldown and the next order.",
      input: Type.Object({
        id,
        model: Type.Optional(model),
        outcome: Type.Enum(["ok", "auth", "billing", "quota", "rate", "overloaded", "server", "network", "model"]),
        retryAfterMs: Type.Optional(Type.Integer({ minimum: 0 })),
      }),
      output: Type.Object({ credential: Credential }),
      deadlineMs: 5_000,
    },
    refresh: {
      summary: "Get a new token for one that expires. Whoever asks meanwhile waits for the same one.",
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
    PLINTH_CREDENTIAL_UNKNOWN: "There is no such credential.",
    PLINTH_CREDENTIAL_REFRESH: "The vendor gave no new token; `details.again` says whether the owner has to sign in.",
    PLINTH_PERMISSION: "Only an owner may do that.",
  },
});
