import Type, { type Static } from "typebox";
import { defineContract } from "../../define.ts";
import { AudioPart, ImagePart, VideoPart } from "../content/part.ts";
import { forPurpose, named } from "../models/purpose.ts";
import { aspect, begins, cancel, enhance, generate, generationErrors, resolution, resume, size, takes, wanted, watermark } from "./generation.ts";

const seconds = Type.Number({ exclusiveMinimum: 0 });

export const VideoModel = Type.Object({
  ...named,
  seconds: Type.Optional(Type.Array(seconds, { maxItems: 64, description: "Lengths that it makes." })),
  aspects: Type.Optional(Type.Array(aspect, { maxItems: 64 })),
  resolutions: Type.Optional(Type.Array(resolution, { maxItems: 16 })),
  takes,
  price: Type.Optional(Type.Number({ minimum: 0, description: "In US dollars, for a second; at least." })),
});
export type VideoModel = Static<typeof VideoModel>;

export const VideoRequest = Type.Object({
  ...wanted,
  first: Type.Optional({ ...ImagePart, description: "The picture that it begins with." }),
  last: Type.Optional({ ...ImagePart, description: "The picture that it ends with." }),
  references: Type.Optional(Type.Array(ImagePart, { minItems: 1, maxItems: 16, description: "What is in it has to look like this." })),
  extend: Type.Optional({ ...VideoPart, description: "A film that it goes on from." }),
  edit: Type.Optional({ ...VideoPart, description: "A film to change." }),
  audio: Type.Optional({ ...AudioPart, description: "Sound that it is made for, such as words for lips." }),
  sound: Type.Optional(Type.Boolean({ description: "true: with sound of its own; false: without." })),
  seconds: Type.Optional(seconds),
  size: Type.Optional(size),
  aspect: Type.Optional(aspect),
  resolution: Type.Optional(resolution),
  fps: Type.Optional(Type.Integer({ minimum: 1 })),
  loop: Type.Optional(Type.Boolean()),
  enhance,
  watermark,
});
export type VideoRequest = Static<typeof VideoRequest>;

const { descriptor, status, models } = forPurpose(VideoModel);

export const videoGeneration = defineContract({
  id: "plinth.video-generation",
  version: "1.0.0",
  title: "Video generation",
  summary: "Makes films, and changes them. That takes minutes: the work has a handle by which it is followed, also after a restart, and ended.",
  cardinality: "many",
  selection: "first-healthy",
  choice: true,
  descriptor,
  methods: {
    status,
    models,
    generate: { summary: `Make a film. ${begins}`, input: VideoRequest, ...generate },
    resume,
    cancel,
  },
  errors: generationErrors,
});
