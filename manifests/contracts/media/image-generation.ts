import Type, { type Static } from "typebox";
import { defineContract } from "../../define.ts";
import { ImagePart } from "../content/part.ts";
import { forPurpose, named } from "../models/purpose.ts";
import { aspect, begins, cancel, enhance, generate, generationErrors, resolution, resume, size, takes, wanted, watermark } from "./generation.ts";

const Format = Type.Enum(["png", "jpeg", "webp"]);
const own = (what: string) => Type.Optional(Type.String({ maxLength: 64, description: `${what}, by the model's own names.` }));

export const ImageModel = Type.Object({
  ...named,
  sizes: Type.Optional(Type.Array(size, { maxItems: 64 })),
  aspects: Type.Optional(Type.Array(aspect, { maxItems: 64 })),
  resolutions: Type.Optional(Type.Array(resolution, { maxItems: 16 })),
  formats: Type.Optional(Type.Array(Format)),
  maxCount: Type.Optional(Type.Integer({ minimum: 1 })),
  maxImages: Type.Optional(Type.Integer({ minimum: 0, description: "Pictures to go by that it takes. 0: it takes none." })),
  takes,
  price: Type.Optional(Type.Number({ minimum: 0, description: "In US dollars, for one; at least." })),
});
export type ImageModel = Static<typeof ImageModel>;

export const ImageRequest = Type.Object({
  ...wanted,
  images: Type.Optional(Type.Array(ImagePart, { minItems: 1, maxItems: 16, description: "To change, or to go by." })),
  mask: Type.Optional({ ...ImagePart, description: "Where the first image is transparent here, it is made anew." }),
  strength: Type.Optional(Type.Number({ minimum: 0, maximum: 1, description: "How far the first image may change." })),
  size: Type.Optional(size),
  aspect: Type.Optional(aspect),
  resolution: Type.Optional(resolution),
  quality: own("How fine"),
  style: own("How it looks"),
  background: Type.Optional(Type.Enum(["opaque", "transparent"])),
  format: Type.Optional(Format),
  compression: Type.Optional(Type.Integer({ minimum: 0, maximum: 100, description: "Of jpeg and webp: 100 keeps most." })),
  previews: Type.Optional(Type.Integer({ minimum: 0, maximum: 8, description: "Shown while it is made. Default: none." })),
  enhance,
  watermark,
});
export type ImageRequest = Static<typeof ImageRequest>;

const { descriptor, status, models } = forPurpose(ImageModel);

export const imageGeneration = defineContract({
  id: "plinth.image-generation",
  version: "1.0.0",
  title: "Image generation",
  summary: "Makes pictures, and changes them.",
  cardinality: "many",
  selection: "first-healthy",
  choice: true,
  descriptor,
  methods: {
    status,
    models,
    generate: { summary: `Make pictures. ${begins}`, input: ImageRequest, ...generate },
    resume: { ...resume, optional: true },
    cancel: { ...cancel, optional: true },
  },
  errors: generationErrors,
});
