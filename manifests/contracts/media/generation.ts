import Type, { type Static } from "typebox";
import { openUnion } from "../../define.ts";
import { ContentPart } from "../content/part.ts";
import { modelErrors } from "../models/failures.ts";
import { asked, besides } from "../models/purpose.ts";
import { ModelRequest } from "../models/request.ts";

const Job = Type.String({
  minLength: 1,
  maxLength: 4_096,
  description: "Names the work to the provider that began it, and says nothing to anybody else. It holds no secret, and is believed in nothing.",
});

/** What every request to make something may say. */
export const wanted = {
  ...asked,
  prompt: Type.String(),
  negativePrompt: Type.Optional(Type.String({ description: "What it should not have." })),
  count: Type.Optional(Type.Integer({ minimum: 1, maximum: 16, description: "Default: one." })),
  seed: ModelRequest.properties.seed,
  guidance: Type.Optional(Type.Number({ minimum: 0, description: "How closely it keeps to the prompt, on the model's own scale." })),
  steps: Type.Optional(Type.Integer({ minimum: 1 })),
  moderation: Type.Optional(Type.String({ maxLength: 64, description: "How strict the provider's rules are, by its own names." })),
};

export const enhance = Type.Optional(Type.Boolean({ description: "true: the prompt may be put in better words first; false: it may not." }));
export const watermark = Type.Optional(Type.Boolean());
export const aspect = Type.String({ maxLength: 16, pattern: "^\\d+(\\.\\d+)?:\\d+(\\.\\d+)?$", description: "Width to height, such as 16:9." });
export const resolution = Type.String({ maxLength: 32, description: "By the model's own names, such as 2K or 720p." });
export const size = Type.Object({ width: Type.Integer({ minimum: 1 }), height: Type.Integer({ minimum: 1 }) }, { description: "In pixels." });
export const takes = Type.Optional(
  Type.Array(Type.String({ maxLength: 64 }), { maxItems: 64, description: "Fields of a request that it minds, such as seed." }),
);

/** Work on something to be made, in order. Exactly one `end`, and it is the last. Whoever meets a type that it does not know passes it over. */
export const GenerationItem = openUnion("type", [
  Type.Object(
    { type: Type.Literal("job"), job: Job },
    { description: "From here on it goes on by itself: `resume` follows it, also after a restart." },
  ),
  Type.Object({
    type: Type.Literal("progress"),
    state: Type.Enum(["queued", "running"]),
    percent: Type.Optional(Type.Number({ minimum: 0, maximum: 100 })),
    place: Type.Optional(Type.Integer({ minimum: 0, description: "In the queue." })),
    text: Type.Optional(Type.String({ maxLength: 500 })),
  }),
  Type.Object({ type: Type.Literal("preview"), part: ContentPart }, { description: "How it looks or sounds so far; nothing to keep." }),
  Type.Object(
    {
      type: Type.Literal("part"),
      part: ContentPart,
      prompt: Type.Optional(Type.String({ description: "In whose words it was made, where they are others than those that were asked." })),
      seed: ModelRequest.properties.seed,
    },
    { description: "Something that is done. Its bytes are there: an artifact, or inline. Never a vendor's address, which expires." },
  ),
  ...besides,
  Type.Object({
    type: Type.Literal("end"),
    reason: Type.Enum(["done", "filter", "cancelled"], { description: "`filter`: all of it was withheld by rules." }),
    withheld: Type.Optional(Type.Integer({ minimum: 0, description: "How many were withheld by rules." })),
  }),
]);
export type GenerationItem = Static<typeof GenerationItem>;

/** `generate` begins the work. */
export const generate = {
  stream: GenerationItem,
  deadlineMs: 180_000,
};

/** Of whoever works on while nobody listens. */
export const resume = {
  summary: "Follow work that was begun earlier: all that is made of it, also what was handed over before.",
  input: Type.Object({ endpoint: asked.endpoint, job: Job }),
  stream: GenerationItem,
  deadlineMs: 180_000,
  idempotent: true,
} as const;

export const cancel = {
  summary: "End work that was begun earlier. Whoever follows it gets `end` with `cancelled`. false: it is over, or cannot be ended.",
  input: Type.Object({ endpoint: asked.endpoint, job: Job }),
  output: Type.Object({ cancelled: Type.Boolean() }),
  deadlineMs: 30_000,
  idempotent: true,
} as const;

export const begins =
  "An item at least every minute; ends with exactly one `end` item, or throws a coded error. Before `job`, cancelling the call ends the work; after it, the work goes on, and `cancel` ends it.";

export const generationErrors = {
  ...modelErrors,
  PLINTH_MODEL_JOB: "There is no such work, or not any more: it is too old, or somebody else's.",
} as const;
