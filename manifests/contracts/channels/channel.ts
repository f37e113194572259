import Type, { type Static } from "typebox";
import { defineContract } from "../../define.ts";
import { ContentPart } from "../content/part.ts";
import { Needs } from "../needs.ts";
import { Address, Sender } from "./address.ts";
import { InboundItem } from "./inbound.ts";
import { Button, OutboundMessage, Receipt } from "./outbound.ts";

const account = Type.String({ minLength: 1, maxLength: 512 });
const messageId = Type.String({ minLength: 1, maxLength: 512 });
const key = OutboundMessage.properties.key;
const to = Address;
const none = Type.Object({});

export const ChannelLimits = Type.Object({
  text: Type.Integer({ minimum: 1, description: "Longest text of one message, in `unit`; longer ones come in pieces." }),
  unit: Type.Enum(["characters", "utf16", "bytes"], { description: "characters: code points. utf16: code units. bytes: of UTF-8." }),
  perSecond: Type.Optional(Type.Number({ exclusiveMinimum: 0, description: "Messages of an account." })),
  perPeerPerSecond: Type.Optional(Type.Number({ exclusiveMinimum: 0, description: "Messages to one conversation." })),
  editWindowMs: Type.Optional(Type.Integer({ minimum: 0, description: "How long a sent message can be changed." })),
  answerWindowMs: Type.Optional(Type.Integer({ minimum: 0, description: "How long after somebody's last message they can be written to." })),
});

export type ChannelLimits = Static<typeof ChannelLimits>;

export const channelDescriptor = Type.Object({
  title: Type.String(),
  limits: ChannelLimits,
  format: Type.Enum(["plain", "markdown", "html", "mrkdwn", "entities"], { description: "What text may be written in." }),
  transport: Type.Enum(["socket", "poll", "webhook"]),
  idempotent: Type.Boolean({ description: "true: a message with a key that was sent before is not sent again, also after a crash." }),
  peers: Type.Array(Type.Enum(["person", "group", "channel"]), { minItems: 1 }),
  threads: Type.Optional(Type.Boolean()),
  accounts: Type.Optional(Type.Enum(["one", "many"], { description: "Default one." })),
  can: Type.Optional(
    Type.Array(Type.String({ maxLength: 32 }), {
      description:
        "Of edit, delete, react, typing, read, stream, replies, mentions, silent, buttons, forms, commands, poll, pin, location, contact, voice, history, members, expiry. A word that nobody knows means nothing.",
    }),
  ),
  media: Type.Optional(
    Type.Object({
      in: Type.Array(Type.String({ maxLength: 128 }), { description: "Mime types, such as image/* or */*." }),
      out: Type.Array(Type.String({ maxLength: 128 })),
      maxBytes: Type.Optional(Type.Integer({ minimum: 1 })),
      albums: Type.Optional(Type.Boolean()),
    }),
  ),
  login: Type.Optional(Type.Enum(["none", "token", "qr", "oauth", "device"], { description: "Default token." })),
  publicUrl: Type.Optional(Type.Boolean({ description: "true: the service has to reach this host." })),
  needs: Type.Optional(Needs),
});

/** Carries messages between people elsewhere and the host. What happens there goes to `plinth.inbox`. */
export const channel = defineContract({
  id: "plinth.channel",
  version: "1.0.0",
  title: "Channel",
  summary: "Carries messages between people elsewhere and the host. What comes in goes to plinth.inbox, which knows who may ask what.",
  cardinality: "many",
  selection: "by-id",
  descriptor: channelDescriptor,
  methods: {
    accounts: {
      summary: "The accounts that are configured. Left out: one, `default`.",
      input: none,
      output: Type.Object({ accounts: Type.Array(Type.Object({ id: account, title: Type.Optional(Type.String()) }), { maxItems: 64 }) }),
      deadlineMs: 10_000,
      idempotent: true,
      optional: true,
    },
    connect: {
      summary: "Connect one account; resolves when it is connected. What ends the connection later goes to plinth.inbox as `report`.",
      input: Type.Object({ account }),
      output: Type.Object({ self: Type.Optional(Sender) }),
      deadlineMs: 60_000,
      idempotent: true,
    },
    disconnect: {
      summary: "Leave; resolves when nothing is in flight.",
      input: Type.Object({ account }),
      output: none,
      deadlineMs: 10_000,
      idempotent: true,
    },
    health: {
      summary: "Whether it is connected now.",
      input: Type.Object({ account }),
      output: Type.Object({ state: Type.Enum(["connected", "connecting", "down"]), detail: Type.Optional(Type.String()) }),
      deadlineMs: 5_000,
      idempotent: true,
    },
    send: {
      summary: "Deliver one message, at most as long as the limits say.",
      input: OutboundMessage,
      output: Receipt,
      deadlineMs: 60_000,
    },
    edit: {
      summary: "Change a message that was sent.",
      input: Type.Object({
        to,
        messageId,
        content: Type.Array(ContentPart, { minItems: 1 }),
        buttons: Type.Optional(Type.Array(Type.Array(Button))),
        key: Type.Optional(key),
      }),
      output: Receipt,
      deadlineMs: 30_000,
      optional: true,
    },
    delete: {
      summary: "Take a message back.",
      input: Type.Object({ to, messageId }),
      output: none,
      deadlineMs: 30_000,
      idempotent: true,
      optional: true,
    },
    react: {
      summary: "Add or remove a reaction.",
      input: Type.Object({ to, messageId, emoji: Type.String({ maxLength: 64 }), remove: Type.Optional(Type.Boolean()) }),
      output: none,
      deadlineMs: 30_000,
      idempotent: true,
      optional: true,
    },
    typing: {
      summary: "Show that an answer is being written, or no longer. It lapses by itself.",
      input: Type.Object({ to, on: Type.Boolean(), kind: Type.Optional(Type.Enum(["text", "voice", "file"])) }),
      output: none,
      deadlineMs: 10_000,
      idempotent: true,
      optional: true,
    },
    read: {
      summary: "Mark as read what came up to a message.",
      input: Type.Object({ to, upTo: messageId }),
      output: none,
      deadlineMs: 10_000,
      idempotent: true,
      optional: true,
    },
    stream: {
      summary: "Write a message that grows: the first call with a key opens it, each later one replaces its content, `done` closes it.",
      input: Type.Object({ to, key, content: Type.Array(ContentPart, { minItems: 1 }), done: Type.Boolean(), replyTo: Type.Optional(messageId) }),
      output: Receipt,
      deadlineMs: 30_000,
      optional: true,
    },
    answerInteraction: {
      summary: "Answer the press of a button, a form or a command where the service wants that.",
      input: Type.Object({ to, interactionId: messageId, text: Type.Optional(Type.String()), update: Type.Optional(Type.Boolean()) }),
      output: none,
      deadlineMs: 10_000,
      optional: true,
    },
    setCommands: {
      summary: "Tell the service which slash commands there are, for its menus.",
      input: Type.Object({
        account,
        commands: Type.Array(Type.Object({ name: Type.String(), summary: Type.String(), usage: Type.Optional(Type.String()) })),
      }),
      output: none,
      deadlineMs: 30_000,
      idempotent: true,
      optional: true,
    },
    fetchMedia: {
      summary: "The bytes of media that came in as a reference of the service's.",
      input: Type.Object({ account, ref: Type.String({ maxLength: 4_096 }) }),
      stream: Type.Object({ base64: Type.String(), mimeType: Type.Optional(Type.String()), name: Type.Optional(Type.String()) }),
      deadlineMs: 60_000,
      optional: true,
    },
    history: {
      summary: "What was written in a conversation, newest first.",
      input: Type.Object({ to, before: Type.Optional(messageId), limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000 })) }),
      output: Type.Object({ items: Type.Array(InboundItem) }),
      deadlineMs: 30_000,
      idempotent: true,
      optional: true,
    },
    members: {
      summary: "Who is in a conversation.",
      input: Type.Object({ to }),
      output: Type.Object({ members: Type.Array(Sender) }),
      deadlineMs: 30_000,
      idempotent: true,
      optional: true,
    },
    resolve: {
      summary: "Find people and groups by name or handle.",
      input: Type.Object({ account, query: Type.String({ minLength: 1, maxLength: 256 }) }),
      output: Type.Object({ found: Type.Array(Type.Object({ address: Address, title: Type.String() })) }),
      deadlineMs: 30_000,
      idempotent: true,
      optional: true,
    },
    openThread: {
      summary: "Begin a thread or topic.",
      input: Type.Object({ to, messageId: Type.Optional(messageId), title: Type.Optional(Type.String({ maxLength: 256 })) }),
      output: Type.Object({ to }),
      deadlineMs: 30_000,
      optional: true,
    },
    pin: {
      summary: "Pin a message, or unpin it.",
      input: Type.Object({ to, messageId, remove: Type.Optional(Type.Boolean()) }),
      output: none,
      deadlineMs: 30_000,
      idempotent: true,
      optional: true,
    },
  },
  errors: {
    PLINTH_CHANNEL_AUTH: "The service refuses the account's credentials. It is not tried again before an owner acts.",
    PLINTH_CHANNEL_DOWN: "There is no connection now; it is tried again.",
    PLINTH_CHANNEL_BLOCKED: "Whoever it is for does not take messages from this account.",
    PLINTH_CHANNEL_WINDOW: "Too long ago: the service lets nobody write or edit any more.",
    PLINTH_CHANNEL_RATE: "Too much at a time. Where the service says how long to wait, the receipt is `failed` with `retryAfterMs` instead.",
    PLINTH_CHANNEL_TOO_LARGE: "The message or its media is larger than the service takes.",
    PLINTH_CHANNEL_UNSUPPORTED: "The channel cannot show any of it.",
    PLINTH_CHANNEL_GONE: "The conversation or the message is not there any more.",
  },
});
