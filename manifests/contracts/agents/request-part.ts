import Type, { type Static } from "typebox";

/** A part of what a model is sent, and how long it is. */
export const RequestPart = Type.Object({
  kind: Type.Enum(["instructions", "tools", "summary", "history", "results"], { description: "summary: of left-out messages. results: of tools." }),
  title: Type.String({ maxLength: 200, description: "Such as a section's id, or whose tools these are." }),
  tokens: Type.Integer({ minimum: 0, description: "About." }),
  by: Type.Optional(Type.String({ maxLength: 128, description: "The extension that contributed it." })),
  chars: Type.Optional(Type.Integer({ minimum: 0, description: "Of a contributed part: as it is sent." })),
  whole: Type.Optional(Type.Integer({ minimum: 0, description: "Of a part that was cut: characters before that." })),
  count: Type.Optional(Type.Integer({ minimum: 0, description: "Of messages, results or tools." })),
});
export type RequestPart = Static<typeof RequestPart>;
