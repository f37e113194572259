import Type, { type Static } from "typebox";

const id = (description: string) => Type.String({ minLength: 1, maxLength: 512, description });

/** Where a message comes from or goes to. The SDK's `addressText` gives it as one text. */
export const Address = Type.Object({
  channel: Type.String({ minLength: 1, maxLength: 128, description: "The channel's capability id, such as telegram." }),
  account: id("Which of the channel's accounts; `default` where there is one."),
  peer: Type.Object({
    kind: Type.Enum(["person", "group", "channel"], {
      description: "person: a conversation with one. group: everybody in it writes. channel: few write, many read.",
    }),
    id: id("As the service knows it; never a name that people choose."),
  }),
  thread: Type.Optional(id("A topic or thread within it.")),
});
export type Address = Static<typeof Address>;

/** Whoever wrote or did something, as the service has proven it to the channel. */
export const Sender = Type.Object({
  id: id("As the service knows it; never a name that people choose."),
  name: Type.Optional(Type.String({ maxLength: 256, description: "As people see it. Anybody can call themselves anything." })),
  handle: Type.Optional(Type.String({ maxLength: 256 })),
  bot: Type.Optional(Type.Boolean()),
  self: Type.Optional(Type.Boolean({ description: "true: the account itself wrote it, here or elsewhere." })),
  roles: Type.Optional(Type.Array(Type.String({ maxLength: 128 }), { maxItems: 64 })),
});
export type Sender = Static<typeof Sender>;
