import Type, { type Static } from "typebox";
import { defineContract } from "../../define.ts";
import { AudioPart } from "../content/part.ts";
import { forPurpose, named } from "../models/purpose.ts";
import { AudioFormat, soundAsked } from "./audio.ts";
import { begins, cancel, generate, generationErrors, resume, takes, wanted } from "./generation.ts";

export const MusicModel = Type.Object({
  ...named,
  maxSeconds: Type.Optional(Type.Number({ exclusiveMinimum: 0 })),
  formats: Type.Optional(Type.Array(AudioFormat)),
  takes,
});
export type MusicModel = Static<typeof MusicModel>;

export const MusicRequest = Type.Object({
  ...wanted,
  lyrics: Type.Optional(Type.String({ maxLength: 32_768, description: "What is sung; `[verse]` and the like on lines of their own." })),
  instrumental: Type.Optional(Type.Boolean({ description: "true: nobody sings." })),
  seconds: Type.Optional(Type.Number({ exclusiveMinimum: 0 })),
  reference: Type.Optional({ ...AudioPart, description: "What it has to sound like." }),
  extend: Type.Optional({ ...AudioPart, description: "A piece that it goes on from." }),
  ...soundAsked,
});
export type MusicRequest = Static<typeof MusicRequest>;

const { descriptor, status, models } = forPurpose(MusicModel);

export const musicGeneration = defineContract({
  id: "plinth.music-generation",
  version: "1.0.0",
  title: "Music generation",
  summary: "Makes music, sung or not.",
  cardinality: "many",
  selection: "first-healthy",
  choice: true,
  descriptor,
  methods: {
    status,
    models,
    generate: { summary: `Make music. What is sung comes as the part's \`transcript\`. ${begins}`, input: MusicRequest, ...generate },
    resume: { ...resume, optional: true },
    cancel: { ...cancel, optional: true },
  },
  errors: generationErrors,
});
