import type { PurposeServer } from "@plinth/sdk/kits/model-api";

/** What a request looks like where it brings files: by which of our fields they come in. */
export interface Way {
  /** Default: the model itself. */
  readonly path?: string;
  /** By our field, the server's; with `[]` at its end it takes a list. */
  readonly files: Readonly<Record<string, string>>;
}

/** Each of fal's models has an input of its own: how this one is told what we call otherwise. A name with a dot is within an object. */
export interface Form {
  /** Default: prompt. */
  readonly prompt?: string;
  /** By our fields, the server's. */
  readonly fields: Readonly<Record<string, string>>;
  /** By our fields, the server's words for our values. */
  readonly values?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** By the names of the fields that bring files, joined by a plus. */
  readonly ways?: Readonly<Record<string, Way>>;
  /** text: a length is told as "8"; unit: as "8s". Default: as a number. */
  readonly seconds?: "text" | "unit";
  /** What each request has. */
  readonly fixed?: Readonly<Record<string, unknown>>;
}

/** What most of its models call it. */
const USUAL: Form = {
  fields: {
    negativePrompt: "negative_prompt",
    count: "num_images",
    seed: "seed",
    guidance: "guidance_scale",
    steps: "num_inference_steps",
    strength: "strength",
    size: "image_size",
    aspect: "aspect_ratio",
    resolution: "resolution",
    format: "output_format",
    moderation: "safety_tolerance",
    enhance: "enhance_prompt",
    sound: "generate_audio",
    seconds: "duration",
    fps: "frames_per_second",
    lyrics: "lyrics",
    speed: "speed",
    voice: "voice",
    language: "language_code",
  },
};

const FILES: Readonly<Record<string, string>> = {
  images: "image_urls[]",
  mask: "mask_url",
  first: "image_url",
  last: "end_image_url",
  references: "image_urls[]",
  extend: "video_url",
  edit: "video_url",
  audio: "audio_url",
  reference: "audio_url",
};

export interface OwnForm {
  readonly form: Form;
  /** The way of these files; undefined: it takes no such files together. */
  way(fields: readonly string[]): Way | undefined;
}

/** Of a model that the vendor's data describes, its own; of another, what most of them have. */
export function formOf({ quirks, model }: PurposeServer<{ id: string }>): OwnForm {
  const forms = quirks.forms as Readonly<Record<string, Partial<Form>>> | undefined;
  const own = forms !== undefined && Object.hasOwn(forms, model) ? forms[model] : undefined;
  const form = { ...USUAL, ...own, fields: { ...USUAL.fields, ...own?.fields } };
  return {
    form,
    way(fields) {
      if (own === undefined) return { files: FILES };
      const name = fields.join("+");
      return form.ways !== undefined && Object.hasOwn(form.ways, name) ? form.ways[name] : undefined;
    },
  };
}
