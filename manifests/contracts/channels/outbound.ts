import Type, { type Static } from "typebox";
import { ContentPart } from "../content/part.ts";
import { Address } from "./address.ts";

/** A button below a message. One with a `url` opens it; another comes back as an item of kind `button`. */
export const Button = Type.Object({
  id: Type.String({ minLength: 1, maxLength: 64 }),
  label: Type.String({ minLength: 1, maxLength: 80 }),
  style: Type.Optional(Type.Enum(["primary", "normal", "danger"])),
  value: Type.Optional(Type.String({ maxLength: 64 })),
  url: Type.Optional(Type.String({ maxLength: 2_048 })),
});
export type Button = Static<typeof Button>;

/** One message to be sent. What a channel cannot show it leaves out; `fallbackText` is for where nothing is left. */
export const OutboundMessage = Type.Object({
  to: Address,
  content: Type.Array(ContentPart, { minItems: 1, maxItems: 256, description: "Text is Markdown in the dialect that the descriptor names." }),
  key: Type.String({ minLength: 1, maxLength: 128, description: "The same key again is the same message: it is sent once, and has one receipt." }),
  replyTo: Type.Optional(Type.String({ maxLength: 512, description: "Id of the message that it answers." })),
  silent: Type.Optional(Type.Boolean({ description: "true: nobody's device makes a sound." })),
  mentions: Type.Optional(Type.Array(Type.String({ maxLength: 512 }), { maxItems: 64, description: "Ids of people." })),
  buttons: Type.Optional(Type.Array(Type.Array(Button, { maxItems: 8 }), { maxItems: 16, description: "In rows." })),
  poll: Type.Optional(
    Type.Object({
      question: Type.String({ maxLength: 512 }),
      options: Type.Array(Type.String({ maxLength: 256 }), { minItems: 2, maxItems: 32 }),
      multiple: Type.Optional(Type.Boolean()),
    }),
  ),
  expiresInMs: Type.Optional(Type.Integer({ minimum: 1, description: "It disappears so long after it was sent." })),
  fallbackText: Type.Optional(Type.String({ maxLength: 65_536 })),
  runId: Type.Optional(Type.String({ maxLength: 64 })),
});
export type OutboundMessage = Static<typeof OutboundMessage>;

/** Why something was not sent, and whether a later try can help. */
export const SendFailure = Type.Object({
  code: Type.String({ description: "One of the contract's errors." }),
  message: Type.String(),
  permanent: Type.Boolean({ description: "true: no later try can help." }),
  retryAfterMs: Type.Optional(Type.Number({ minimum: 0 })),
});
export type SendFailure = Static<typeof SendFailure>;

/** What became of a message. A call can also fail, with one of the contract's errors, where nothing was sent. */
export const Receipt = Type.Object({
  status: Type.Enum(["sent", "partial", "failed", "suppressed", "unknown"], {
    description:
      "sent: the service has all of it. partial: some of it, and failed: nothing of it, see `failed`. suppressed: held back on purpose. unknown: it may have arrived, and is not sent again.",
  }),
  messages: Type.Array(
    Type.Object({ id: Type.String({ maxLength: 512 }), at: Type.Optional(Type.Number()), url: Type.Optional(Type.String({ maxLength: 2_048 })) }),
    { maxItems: 256, description: "What the service made of it, in order." },
  ),
  failed: Type.Optional(SendFailure),
});
export type Receipt = Static<typeof Receipt>;
