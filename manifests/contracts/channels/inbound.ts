import Type, { type Static, type TProperties } from "typebox";
import { openUnion } from "../../define.ts";
import { ContentPart } from "../content/part.ts";
import { Address, Sender } from "./address.ts";

const short = (description?: string) => Type.String({ maxLength: 512, ...(description === undefined ? {} : { description }) });
const content = Type.Array(ContentPart, { maxItems: 256 });

/** What every kind has. */
const told = {
  eventId: Type.String({ minLength: 1, maxLength: 512, description: "The service's id of this event: the same event twice has the same one." }),
  at: Type.Number({ description: "When it happened, in milliseconds since the epoch." }),
  address: Address,
  sender: Type.Optional(Sender),
  within: Type.Optional(
    Type.Object(
      {
        guild: Type.Optional(short("The server, workspace or community.")),
        team: Type.Optional(short()),
        parent: Type.Optional(Type.Object({ ...Address.properties.peer.properties }, { description: "Of a thread that is a peer of its own." })),
      },
      { description: "What its place lies in, as the service knows it." },
    ),
  ),
  raw: Type.Optional(Type.Unknown({ description: "As the service sent it, for whoever knows the service." })),
};
const kind = <K extends string, P extends TProperties>(name: K, fields: P) => Type.Object({ kind: Type.Literal(name), ...told, ...fields });

/** A message that is referred to. */
const Referred = Type.Object({
  id: short(),
  excerpt: Type.Optional(Type.String({ maxLength: 4_000 })),
  sender: Type.Optional(Sender),
});

export const InboundMessage = kind("message", {
  id: short("The message's id."),
  content,
  replyTo: Type.Optional(Referred),
  forwardedFrom: Type.Optional(short("In the service's words.")),
  mentions: Type.Optional(Type.Array(Sender, { maxItems: 256 })),
  mentionsMe: Type.Optional(Type.Boolean({ description: "It is addressed to the account: by name, or as a reply to it." })),
  albumId: Type.Optional(short("Messages of one album have the same one.")),
  viaBot: Type.Optional(short()),
});

/** What happens on a channel. Whoever meets a kind that it does not know passes it over. */
export const InboundItem = openUnion("kind", [
  InboundMessage,
  kind("edit", { messageId: short(), content }),
  kind("delete", { messageId: short() }),
  kind("reaction", { messageId: short(), emoji: short(), added: Type.Boolean() }),
  kind("button", {
    messageId: Type.Optional(short()),
    interactionId: Type.Optional(short("What `answerInteraction` takes, where the service wants an answer.")),
    action: short("The button's id."),
    value: Type.Optional(Type.String({ maxLength: 4_096 })),
  }),
  kind("form", {
    interactionId: Type.Optional(short()),
    action: short("The form's id."),
    values: Type.Record(Type.String({ maxLength: 256 }), Type.Unknown()),
  }),
  kind("command", {
    id: Type.Optional(short("The message's id, where it is one.")),
    interactionId: Type.Optional(short()),
    name: short("Without a slash."),
    args: Type.String({ maxLength: 65_536 }),
  }),
  kind("join", { member: Sender }),
  kind("leave", { member: Sender }),
  kind("location", {
    id: Type.Optional(short("The message's id.")),
    latitude: Type.Number({ minimum: -90, maximum: 90 }),
    longitude: Type.Number({ minimum: -180, maximum: 180 }),
    title: Type.Optional(short()),
  }),
]);
export type InboundItem = Static<typeof InboundItem>;
