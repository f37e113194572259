import Type, { type Static } from "typebox";
import { defineContract } from "../../define.ts";
import { Origin } from "../content/origin.ts";
import { Address } from "./address.ts";
import { OutboundMessage, Receipt } from "./outbound.ts";

const sessionKey = Type.String({ minLength: 1, maxLength: 256 });
const { to: _to, runId: _runId, ...message } = OutboundMessage.properties;

/** A message on its way, or what became of it. */
export const Delivery = Type.Object({
  key: OutboundMessage.properties.key,
  to: Type.Optional(Address),
  sessionKey: Type.Optional(sessionKey),
  status: Type.Enum(["pending", "sent", "partial", "failed", "suppressed", "unknown"], {
    description: "pending: it will be tried, also after a restart. unknown: it may have arrived, and is not sent again.",
  }),
  attempts: Type.Integer({ minimum: 0 }),
  createdAt: Type.Number(),
  updatedAt: Type.Number(),
  nextAt: Type.Optional(Type.Number()),
  receipt: Type.Optional(Receipt),
  owner: Type.String({ maxLength: 256, description: "The extension that sends it. Whoever delivers writes it." }),
  origin: Type.Optional(Origin),
});
export type Delivery = Static<typeof Delivery>;

export const delivery = defineContract({
  id: "plinth.delivery",
  version: "1.0.0",
  title: "Delivery",
  summary: "Brings messages to where a conversation is read, by way of its channel. What is accepted is kept until it is known what became of it.",
  cardinality: "one",
  selection: "by-id",
  descriptor: Type.Object({ title: Type.String({ maxLength: 200 }), durable: Type.Boolean() }),
  methods: {
    route: {
      summary: "Where a session's messages go now; null: nowhere.",
      input: Type.Object({ sessionKey }),
      output: Type.Object({ to: Type.Union([Address, Type.Null()]), docked: Type.Boolean({ description: "An owner sent it there." }) }),
      deadlineMs: 5_000,
      idempotent: true,
    },
    send: {
      summary: "Accept a message: it is stored before this answers. The same key again is the same message, with the same fate.",
      input: Type.Object({
        to: Type.Optional(Address),
        sessionKey: Type.Optional(sessionKey),
        ...message,
        expiresAt: Type.Optional(Type.Number({ description: "Not sent after that: `suppressed`." })),
      }),
      output: Type.Object({ delivery: Delivery, fresh: Type.Boolean() }),
      deadlineMs: 10_000,
      idempotent: true,
    },
    get: {
      summary: "What became of a message.",
      input: Type.Object({ key: OutboundMessage.properties.key }),
      output: Type.Object({ delivery: Delivery }),
      deadlineMs: 5_000,
      idempotent: true,
    },
    list: {
      summary: "The newest first.",
      input: Type.Object({
        status: Type.Optional(Type.Array(Delivery.properties.status, { maxItems: 8 })),
        sessionKey: Type.Optional(sessionKey),
        limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000 })),
        cursor: Type.Optional(Type.String({ maxLength: 128 })),
      }),
      output: Type.Object({ deliveries: Type.Array(Delivery), next: Type.Optional(Type.String({ maxLength: 128 })) }),
      deadlineMs: 5_000,
      idempotent: true,
    },
    withdraw: {
      summary: "Not to be sent any more. false: it is too late, or there is none.",
      input: Type.Object({ key: OutboundMessage.properties.key }),
      output: Type.Object({ withdrawn: Type.Boolean() }),
      deadlineMs: 5_000,
      idempotent: true,
    },
    dock: {
      summary: "Send a session's messages elsewhere from now on; null: back to where it is spoken to. In an owner's work only.",
      input: Type.Object({ sessionKey, to: Type.Union([Address, Type.Null()]) }),
      output: Type.Object({ to: Type.Union([Address, Type.Null()]) }),
      deadlineMs: 5_000,
      idempotent: true,
    },
    follow: {
      summary: "Deliveries as they change, each as a whole.",
      input: Type.Object({ sessionKey: Type.Optional(sessionKey) }),
      stream: Delivery,
      deadlineMs: 0,
    },
  },
  errors: {
    PLINTH_DELIVERY_UNKNOWN: "No message has this key.",
    PLINTH_DELIVERY_ROUTE: "It says neither an address nor a session with one.",
    PLINTH_PERMISSION: "The message or the session is another's.",
    PLINTH_QUOTA: "Too many messages wait already.",
  },
});
