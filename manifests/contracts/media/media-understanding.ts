import Type, { type Static } from "typebox";
import { defineContract, openUnion } from "../../define.ts";
import { AudioPart, FilePart, ImagePart, VideoPart } from "../content/part.ts";
import { modelErrors } from "../models/failures.ts";
import { ModelInfo } from "../models/model.ts";
import { asked, besides, forPurpose, language, named } from "../models/purpose.ts";
import { ModelRequest } from "../models/request.ts";
import { second } from "./audio.ts";

export const UnderstandingModel = Type.Object({
  ...named,
  input: ModelInfo.properties.input,
  maxMedia: Type.Optional(Type.Integer({ minimum: 1, description: "Parts of one request." })),
  maxSeconds: Type.Optional(Type.Integer({ minimum: 1, description: "Of sound or film." })),
  maxPages: Type.Optional(Type.Integer({ minimum: 1 })),
});
export type UnderstandingModel = Static<typeof UnderstandingModel>;

export const UnderstandingRequest = Type.Object({
  ...asked,
  media: Type.Array(
    Type.Object({
      part: Type.Union([ImagePart, AudioPart, VideoPart, FilePart]),
      start: Type.Optional(second),
      end: Type.Optional(second),
      fps: Type.Optional(Type.Number({ exclusiveMinimum: 0, description: "Of a film, how often it looks." })),
      pages: Type.Optional(Type.String({ maxLength: 256, pattern: "^\\d+(-\\d+)?(,\\d+(-\\d+)?)*$", description: "Of a document, such as 1-5,7." })),
    }),
    { minItems: 1, maxItems: 16, description: "Together they are what is asked about." },
  ),
  task: Type.Optional(
    Type.Enum(["describe", "read", "answer"], {
      description: "describe (default): say what there is to see and hear. read: give the words that stand in it. answer: what `prompt` asks.",
    }),
  ),
  prompt: Type.Optional(Type.String()),
  language: Type.Optional({ ...language, description: "Of the answer." }),
  output: ModelRequest.properties.output,
  maxOutputTokens: ModelRequest.properties.maxOutputTokens,
});
export type UnderstandingRequest = Static<typeof UnderstandingRequest>;

/** What is to be seen and heard, in order. Exactly one `end`, and it is the last. Whoever meets a type that it does not know passes it over. */
export const UnderstandingItem = openUnion("type", [
  Type.Object({ type: Type.Literal("progress"), percent: Type.Optional(Type.Number({ minimum: 0, maximum: 100 })) }),
  Type.Object({ type: Type.Literal("text"), delta: Type.String() }),
  Type.Object(
    {
      type: Type.Literal("moment"),
      media: Type.Integer({ minimum: 0, description: "Which of the request's." }),
      start: Type.Optional(second),
      end: Type.Optional(second),
      page: Type.Optional(Type.Integer({ minimum: 1 })),
      box: Type.Optional(
        Type.Array(Type.Number({ minimum: 0, maximum: 1 }), { minItems: 4, maxItems: 4, description: "Left, top, right, bottom, of the whole." }),
      ),
      text: Type.String(),
    },
    { description: "What is where." },
  ),
  ...besides,
  Type.Object({
    type: Type.Literal("end"),
    text: Type.String({ description: "The whole answer: all that `text` brought." }),
    reason: Type.Enum(["stop", "length", "filter", "refusal"]),
  }),
]);
export type UnderstandingItem = Static<typeof UnderstandingItem>;

const { descriptor, status, models } = forPurpose(UnderstandingModel);

export const mediaUnderstanding = defineContract({
  id: "plinth.media-understanding",
  version: "1.0.0",
  title: "Media understanding",
  summary: "Says in words what pictures, recordings, films and documents hold, for models that cannot look themselves.",
  cardinality: "many",
  selection: "first-healthy",
  choice: true,
  descriptor,
  methods: {
    status,
    models,
    understand: {
      summary: "Say what there is. An item at least every minute; ends with exactly one `end` item, or throws a coded error.",
      input: UnderstandingRequest,
      stream: UnderstandingItem,
      deadlineMs: 120_000,
    },
  },
  errors: modelErrors,
});
