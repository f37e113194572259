import Type, { type Static } from "typebox";

/** What has to be set before a provider can do anything; shown, and asked for by `plinth init`, without its code. */
export const Needs = Type.Object(
  {
    config: Type.Optional(
      Type.Array(Type.String({ maxLength: 256, pattern: "^[A-Za-z0-9_-]+(\\.[A-Za-z0-9_-]+)*$" }), {
        maxItems: 16,
        description: "Places in its extension's own configuration; a dot goes into an object.",
      }),
    ),
    secrets: Type.Optional(Type.Array(Type.String(), { maxItems: 16, description: "Names of secrets that its manifest declares." })),
  },
  { description: "Without these it is not configured; of a channel no code is loaded before." },
);
export type Needs = Static<typeof Needs>;
