import Type, { type Static } from "typebox";

const name = (description: string) => Type.Optional(Type.String({ maxLength: 512, description }));

/** Where a tool would be used, as far as it is known. What is absent is not known. */
export const ToolPlace = Type.Object({
  agent: name("An agent's id."),
  sessionKey: name("The conversation's."),
  surface: name("Where the message came from: a channel, webchat, cli."),
  sender: name("Who wrote it, as the surface names them."),
  model: name("auto, an alias or provider/model."),
  fallbacks: Type.Optional(
    Type.Array(Type.String({ maxLength: 512 }), {
      maxItems: 16,
      description: "Models that are asked where that one cannot answer. Absent: the host's.",
    }),
  ),
});
export type ToolPlace = Static<typeof ToolPlace>;
