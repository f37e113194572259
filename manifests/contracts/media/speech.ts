import Type, { type Static } from "typebox";
import { defineContract, openUnion } from "../../define.ts";
import { PIECE_BASE64 } from "../content/artifacts.ts";
import { modelErrors } from "../models/failures.ts";
import { asked, besides, forPurpose, language, named } from "../models/purpose.ts";
import { ModelRequest } from "../models/request.ts";
import { AudioFormat, second, soundAsked } from "./audio.ts";

const voiceId = Type.String({ minLength: 1, maxLength: 256 });

export const SpeechModel = Type.Object({
  ...named,
  languages: Type.Optional(Type.Array(language, { maxItems: 500 })),
  formats: Type.Optional(Type.Array(AudioFormat)),
  maxCharacters: Type.Optional(Type.Integer({ minimum: 1, description: "Of one request." })),
  takes: Type.Optional(
    Type.Array(Type.String({ maxLength: 64 }), { maxItems: 32, description: "Fields of a request that it minds: speed, instructions, timings, …" }),
  ),
});
export type SpeechModel = Static<typeof SpeechModel>;

export const Voice = Type.Object({
  id: voiceId,
  title: Type.String({ maxLength: 200 }),
  description: Type.Optional(Type.String({ maxLength: 2_000 })),
  languages: Type.Optional(Type.Array(language, { maxItems: 500 })),
  labels: Type.Optional(
    Type.Record(Type.String({ maxLength: 64 }), Type.String({ maxLength: 200 }), { description: "Such as gender, age, accent, use." }),
  ),
  sampleUrl: Type.Optional(Type.String({ maxLength: 2_048 })),
  models: Type.Optional(Type.Array(Type.String({ maxLength: 256 }), { maxItems: 64, description: "That can speak with it. Absent: all." })),
});
export type Voice = Static<typeof Voice>;

export const SpeechRequest = Type.Object({
  ...asked,
  lines: Type.Array(
    Type.Object({ text: Type.String({ minLength: 1 }), voice: Type.Optional({ ...voiceId, description: "Default: the provider's." }) }),
    { minItems: 1, maxItems: 256, description: "What is said, one after another. Lines of several voices are a conversation." },
  ),
  markup: Type.Optional(Type.Enum(["text", "ssml"], { description: "Default: text." })),
  language: Type.Optional(language),
  instructions: Type.Optional(Type.String({ maxLength: 8_192, description: "How it is said, in words." })),
  speed: Type.Optional(Type.Number({ exclusiveMinimum: 0, description: "1 is the voice's own." })),
  before: Type.Optional(Type.String({ description: "What was said just before, elsewhere; it is not said again." })),
  after: Type.Optional(Type.String({ description: "What will be said next." })),
  timings: Type.Optional(Type.Boolean({ description: "true: tell when what is said." })),
  seed: ModelRequest.properties.seed,
  ...soundAsked,
});
export type SpeechRequest = Static<typeof SpeechRequest>;

/** Speech, in order: `start` first, exactly one `end`, and it is the last. Whoever meets a type that it does not know passes it over. */
export const SpeechItem = openUnion("type", [
  Type.Object(
    {
      type: Type.Literal("start"),
      mimeType: Type.String({ maxLength: 256 }),
      format: AudioFormat,
      sampleRate: Type.Optional(Type.Integer({ minimum: 1, description: "In hertz; always there without a head of its own: pcm, mulaw, alaw." })),
      channels: Type.Optional(Type.Integer({ minimum: 1, description: "Default: one." })),
    },
    { description: "What all the pieces are, which together are one recording." },
  ),
  Type.Object({ type: Type.Literal("audio"), base64: Type.String({ minLength: 1, maxLength: PIECE_BASE64 }) }),
  Type.Object(
    {
      type: Type.Literal("timing"),
      line: Type.Integer({ minimum: 0 }),
      from: Type.Integer({ minimum: 0, description: "First UTF-16 unit of the line's text." }),
      to: Type.Integer({ minimum: 0, description: "The one after the last." }),
      start: second,
      end: second,
    },
    { description: "When these words are heard." },
  ),
  ...besides,
  Type.Object({ type: Type.Literal("end"), seconds: Type.Optional(second) }),
]);
export type SpeechItem = Static<typeof SpeechItem>;

const { descriptor, status, models } = forPurpose(SpeechModel);

export const speech = defineContract({
  id: "plinth.speech",
  version: "1.0.0",
  title: "Speech",
  summary: "Says text aloud.",
  cardinality: "many",
  selection: "first-healthy",
  choice: true,
  descriptor,
  methods: {
    status,
    models,
    voices: {
      summary: "Whose voices it has, a page at a time.",
      input: Type.Object({
        endpoint: asked.endpoint,
        model: Type.Optional(Type.String({ maxLength: 512, description: "That they can speak with. Default: the provider's." })),
        language: Type.Optional(language),
        cursor: Type.Optional(Type.String({ maxLength: 512 })),
      }),
      output: Type.Object({ voices: Type.Array(Voice, { maxItems: 1_000 }), next: Type.Optional(Type.String({ maxLength: 512 })) }),
      deadlineMs: 15_000,
      idempotent: true,
    },
    speak: {
      summary: "Say it. Sound comes as soon as there is some. Ends with exactly one `end` item, or throws a coded error.",
      input: SpeechRequest,
      stream: SpeechItem,
      deadlineMs: 60_000,
    },
  },
  errors: modelErrors,
});
