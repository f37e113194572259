import Type, { type Static } from "typebox";

export const Influence = Type.Object({
  party: Type.String({
    maxLength: 256,
    description: "An extension's id, `outside` for text from elsewhere, or `guest:` and where that guest was proven.",
  }),
  how: Type.String({ maxLength: 120, description: "In plain words, such as `changed message.received`." }),
});

/** Who said something, and through whose hands it went. The host writes it; no payload sets it. */
export const Origin = Type.Object({
  by: Type.Enum(["owner", "guest", "system"], { description: "Whose work it was said in." }),
  via: Type.Optional(Type.String({ description: "Where that identity was proven, or the extension that spoke." })),
  influences: Type.Optional(Type.Array(Influence, { description: "Everyone else who had a hand in it; absent: nobody." })),
});
export type Origin = Static<typeof Origin>;
