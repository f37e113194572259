import Type, { type Static } from "typebox";

const kinds = (description: string) => Type.Optional(Type.Array(Type.String({ maxLength: 64 }), { maxItems: 16, description }));
const perMillion = Type.Optional(Type.Number({ minimum: 0 }));

/** What one model takes and gives. Absent is not known; whoever asks for it anyway gets what the provider makes of it. */
export const ModelInfo = Type.Object({
  id: Type.String({ minLength: 1, maxLength: 256 }),
  title: Type.Optional(Type.String({ maxLength: 200 })),
  api: Type.Optional(Type.String({ maxLength: 128, description: "One of its vendor's `otherApis`, if it is spoken to by that." })),
  family: Type.Optional(Type.String({ maxLength: 120 })),
  aliases: Type.Optional(Type.Array(Type.String({ maxLength: 256 }), { maxItems: 32 })),
  contextTokens: Type.Optional(Type.Integer({ minimum: 1 })),
  maxOutputTokens: Type.Optional(Type.Integer({ minimum: 1 })),
  input: kinds("Kinds of part that it reads besides text: image, audio, video, file."),
  output: kinds("Kinds of part that it makes besides text."),
  tools: Type.Optional(Type.Enum(["none", "one", "parallel"], { description: "How many calls one answer may make." })),
  structured: Type.Optional(Type.Enum(["none", "json", "schema"])),
  thinking: Type.Optional(
    Type.Object({
      efforts: kinds("By which names it is told how much to think, least first."),
      budget: Type.Optional(Type.Object({ min: Type.Integer({ minimum: 0 }), max: Type.Integer({ minimum: 1 }) }, { description: "In tokens." })),
      always: Type.Optional(Type.Boolean({ description: "It cannot be turned off." })),
    }),
  ),
  cache: Type.Optional(Type.Enum(["none", "auto", "marked"], { description: "`marked`: where a part has `cache`." })),
  serverTools: kinds("The provider's own tools, which it runs itself."),
  sampling: Type.Optional(Type.Boolean({ description: "false: takes neither temperature nor topP." })),
  price: Type.Optional(
    Type.Object(
      { input: perMillion, output: perMillion, cacheRead: perMillion, cacheWrite: perMillion },
      { description: "In US dollars, for a million tokens." },
    ),
  ),
  deprecatedAt: Type.Optional(Type.String({ maxLength: 32, description: "A day, such as 2026-03-01." })),
  replacedBy: Type.Optional(Type.String({ maxLength: 256 })),
});
export type ModelInfo = Static<typeof ModelInfo>;
