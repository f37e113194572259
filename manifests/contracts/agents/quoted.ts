import Type, { type Static } from "typebox";

/** What a message answers: the message's id where it was said, and as much of it as is worth showing. */
export const Quoted = Type.Object({
  id: Type.Optional(Type.String({ maxLength: 256, description: "An entry's id, or a channel's." })),
  sender: Type.Optional(Type.String({ maxLength: 256 })),
  text: Type.Optional(Type.String({ maxLength: 4_000, description: "Somebody else's words: a turn that is told them counts as `outside`." })),
});
export type Quoted = Static<typeof Quoted>;
