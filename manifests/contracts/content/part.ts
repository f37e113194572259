import Type, { type Static } from "typebox";
import { INLINE_BASE64 } from "../../content/limits.ts";
import { openUnion } from "../../define.ts";
import { Origin } from "./origin.ts";

/** Kept by the host as it came, and given back, byte for byte, to the provider that made it and to nobody else. */
export const Opaque = Type.Object({
  by: Type.Optional(Type.String({ maxLength: 256, description: "The provider that made it, `extension/capability`. The host writes it." })),
  data: Type.Unknown({ description: "Such as a thinking signature, encrypted reasoning, an item's id, a server tool's block." }),
});
export type Opaque = Static<typeof Opaque>;

/** What every part may carry. */
const carried = {
  opaque: Type.Optional(Opaque),
  origin: Type.Optional(Origin),
  audience: Type.Optional(Type.Array(Type.Enum(["user", "model"]), { description: "Whom it is for; absent: both." })),
  cache: Type.Optional(Type.Boolean({ description: "true: what stands up to here is asked for again; a provider that caches marks it." })),
};

/** Bytes: an artifact's id, an address, or base64 of at most 64 KiB. Exactly one of them. */
const bytes = {
  artifact: Type.Optional(Type.String({ maxLength: 128, description: "Id in `plinth.artifacts`." })),
  url: Type.Optional(Type.String({ maxLength: 8_192 })),
  base64: Type.Optional(Type.String({ maxLength: INLINE_BASE64 })),
  mimeType: Type.String({ maxLength: 256 }),
  bytes: Type.Optional(Type.Integer({ minimum: 0, description: "Size." })),
  name: Type.Optional(Type.String({ maxLength: 512, description: "A file's name, without a folder." })),
};

export const TextPart = Type.Object({ type: Type.Literal("text"), text: Type.String(), ...carried });
export const ImagePart = Type.Object({ type: Type.Literal("image"), ...bytes, alt: Type.Optional(Type.String()), ...carried });
export const AudioPart = Type.Object({ type: Type.Literal("audio"), ...bytes, transcript: Type.Optional(Type.String()), ...carried });
export const VideoPart = Type.Object({ type: Type.Literal("video"), ...bytes, ...carried });
export const FilePart = Type.Object({ type: Type.Literal("file"), ...bytes, title: Type.Optional(Type.String()), ...carried });

/** Something that has an address of its own, with its text where it is known. MCP's resource and resource_link. */
export const ResourcePart = Type.Object({
  type: Type.Literal("resource"),
  uri: Type.String({ maxLength: 8_192 }),
  mimeType: Type.Optional(Type.String({ maxLength: 256 })),
  name: Type.Optional(Type.String({ maxLength: 512 })),
  text: Type.Optional(Type.String()),
  ...carried,
});

/** Where words come from. */
export const CitationPart = Type.Object({
  type: Type.Literal("citation"),
  url: Type.Optional(Type.String({ maxLength: 8_192 })),
  artifact: Type.Optional(Type.String({ maxLength: 128 })),
  title: Type.Optional(Type.String()),
  quote: Type.Optional(Type.String()),
  start: Type.Optional(Type.Integer({ minimum: 0, description: "First UTF-16 unit of the message's text that it stands for." })),
  end: Type.Optional(Type.Integer({ minimum: 0 })),
  ...carried,
});

/** A model's thinking, as far as it may be shown. What must go back to the model unchanged is `opaque`. */
export const ReasoningPart = Type.Object({
  type: Type.Literal("reasoning"),
  text: Type.Optional(Type.String()),
  redacted: Type.Optional(Type.Boolean()),
  ...carried,
});

export const RefusalPart = Type.Object({ type: Type.Literal("refusal"), text: Type.String(), ...carried });

/** Nothing for anybody but the provider that made it. */
export const OpaquePart = Type.Object({ type: Type.Literal("opaque"), ...carried });

/** What people write, tools answer, and channels carry. */
const SHOWN = [TextPart, ImagePart, AudioPart, VideoPart, FilePart, ResourcePart, CitationPart, OpaquePart] as const;
export const ContentPart = openUnion("type", SHOWN);
export type ContentPart = Static<typeof ContentPart>;

export const ToolCallPart = Type.Object({
  type: Type.Literal("tool-call"),
  id: Type.String(),
  name: Type.String(),
  args: Type.Record(Type.String(), Type.Unknown()),
  ...carried,
});
export type ToolCallPart = Static<typeof ToolCallPart>;

export const ToolResultPart = Type.Object({
  type: Type.Literal("tool-result"),
  callId: Type.String(),
  name: Type.String(),
  content: Type.Array(ContentPart),
  isError: Type.Optional(Type.Boolean()),
  from: Type.Optional(Type.String({ description: "A third party's extension id, or `outside`: whose words these are. Providers tell the model." })),
  ...carried,
});
export type ToolResultPart = Static<typeof ToolResultPart>;

/** One part of a message: of a prompt, an answer, a transcript. Whoever meets a type that it does not know passes it over. */
export const Part = openUnion("type", [...SHOWN, ReasoningPart, RefusalPart, ToolCallPart, ToolResultPart]);
export type Part = Static<typeof Part>;
