import Type, { type Static } from "typebox";
import { Origin } from "../content/origin.ts";
import { Part } from "../content/part.ts";

/**
 * One message of the conversation as a model sees it. What an assistant said, thought and called is its content in order; a
 * `tool` message holds `tool-result` parts.
 */
export const ModelMessage = Type.Object({
  role: Type.Enum(["user", "assistant", "tool"]),
  content: Type.Array(Part),
  origin: Type.Optional(Origin),
  model: Type.Optional(Type.String({ maxLength: 512, description: "provider/model that said it." })),
});
export type ModelMessage = Static<typeof ModelMessage>;
