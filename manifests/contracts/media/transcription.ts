import Type, { type Static } from "typebox";
import { defineContract, openUnion } from "../../define.ts";
import { PIECE_BASE64 } from "../content/artifacts.ts";
import { AudioPart, VideoPart } from "../content/part.ts";
import { modelErrors } from "../models/failures.ts";
import { asked, besides, forPurpose, language, named } from "../models/purpose.ts";
import { ModelRequest } from "../models/request.ts";
import { AudioFormat, second } from "./audio.ts";

const speaker = Type.Optional(Type.String({ maxLength: 128, description: "Who speaks, by a name for this recording only." }));
const confidence = Type.Optional(Type.Number({ minimum: 0, maximum: 1 }));

export const TranscriptionModel = Type.Object({
  ...named,
  languages: Type.Optional(Type.Array(language, { maxItems: 500 })),
  maxSeconds: Type.Optional(Type.Integer({ minimum: 1 })),
  maxBytes: Type.Optional(Type.Integer({ minimum: 1 })),
  live: Type.Optional(Type.Boolean({ description: "Writes down what is being said, with `listen`." })),
  takes: Type.Optional(
    Type.Array(Type.String({ maxLength: 64 }), { maxItems: 32, description: "Fields of a request that it minds: terms, speakers, timings, …" }),
  ),
});
export type TranscriptionModel = Static<typeof TranscriptionModel>;

/** How what is said is written down. */
const wanted = {
  ...asked,
  languages: Type.Optional(Type.Array(language, { minItems: 1, maxItems: 16, description: "That may be spoken. Default: found out." })),
  prompt: Type.Optional(Type.String({ maxLength: 8_192, description: "What it is about, or what was said before." })),
  terms: Type.Optional(Type.Array(Type.String({ minLength: 1, maxLength: 200 }), { maxItems: 1_000, description: "Names and words to expect." })),
  timings: Type.Optional(Type.Enum(["segment", "word"], { description: "Default: the provider's." })),
  speakers: Type.Optional(
    Type.Object(
      { min: Type.Optional(Type.Integer({ minimum: 1 })), max: Type.Optional(Type.Integer({ minimum: 1 })) },
      {
        description: "Tell who speaks; how many there are, where it is known.",
      },
    ),
  ),
  channels: Type.Optional(Type.Boolean({ description: "true: write down each channel by itself." })),
  verbatim: Type.Optional(Type.Boolean({ description: "true: with every um." })),
  redact: Type.Optional(
    Type.Array(Type.String({ maxLength: 64 }), {
      maxItems: 32,
      description: "Kinds of words to leave out, by the provider's names: pii, profanity, …",
    }),
  ),
  translateTo: Type.Optional(language),
};

export const TranscriptionRequest = Type.Object({
  ...wanted,
  audio: Type.Union([AudioPart, VideoPart]),
  temperature: ModelRequest.properties.temperature,
});
export type TranscriptionRequest = Static<typeof TranscriptionRequest>;

export const ListenRequest = Type.Object({
  ...wanted,
  format: AudioFormat,
  sampleRate: Type.Optional(Type.Integer({ minimum: 1, description: "In hertz." })),
  channelCount: Type.Optional(Type.Integer({ minimum: 1, description: "Default: one." })),
  pauseMs: Type.Optional(Type.Integer({ minimum: 0, description: "A silence so long ends a turn. Default: the provider's." })),
});
export type ListenRequest = Static<typeof ListenRequest>;

export const Segment = Type.Object({
  start: Type.Optional(second),
  end: Type.Optional(second),
  text: Type.String(),
  speaker,
  channel: Type.Optional(Type.Integer({ minimum: 0 })),
  language: Type.Optional(language),
  confidence,
  words: Type.Optional(Type.Array(Type.Object({ text: Type.String(), start: second, end: second, speaker, confidence }))),
});
export type Segment = Static<typeof Segment>;

const spoken = [
  Type.Object({ type: Type.Literal("segment"), segment: Segment }, { description: "What was said for sure; it does not change any more." }),
  ...besides,
  Type.Object({
    type: Type.Literal("end"),
    text: Type.String({ description: "All of it." }),
    language: Type.Optional(language),
    seconds: Type.Optional(second),
  }),
] as const;

/** A transcript, in order. Exactly one `end`, and it is the last. Whoever meets a type that it does not know passes it over. */
export const TranscriptionItem = openUnion("type", [
  Type.Object({ type: Type.Literal("progress"), percent: Type.Optional(Type.Number({ minimum: 0, maximum: 100 })) }),
  Type.Object({ type: Type.Literal("text"), delta: Type.String() }, { description: "A piece, to show while it goes on." }),
  ...spoken,
]);
export type TranscriptionItem = Static<typeof TranscriptionItem>;

/** What is heard while it is said. */
export const ListenItem = openUnion("type", [
  Type.Object({ type: Type.Literal("ready"), id: Type.String({ minLength: 1, maxLength: 128 }) }, { description: "First: what `hear` is told." }),
  Type.Object({ type: Type.Literal("interim"), segment: Segment }, { description: "What it seems to be so far; each takes the place of the last." }),
  Type.Object({ type: Type.Literal("speech-start"), at: Type.Optional(second) }, { description: "Somebody begins to speak." }),
  Type.Object({ type: Type.Literal("turn-end"), at: Type.Optional(second) }, { description: "Whoever spoke seems to be done." }),
  ...spoken,
]);
export type ListenItem = Static<typeof ListenItem>;

const { descriptor, status, models } = forPurpose(TranscriptionModel);

export const transcription = defineContract({
  id: "plinth.transcription",
  version: "1.0.0",
  title: "Transcription",
  summary: "Writes down what is said, in a recording or while it is said.",
  cardinality: "many",
  selection: "first-healthy",
  choice: true,
  descriptor,
  methods: {
    status,
    models,
    transcribe: {
      summary: "Write down a recording. An item at least every minute; ends with exactly one `end` item, or throws a coded error.",
      input: TranscriptionRequest,
      stream: TranscriptionItem,
      deadlineMs: 120_000,
    },
    listen: {
      summary: "Write down what `hear` brings. First `ready`; after the last piece the rest, then exactly one `end` item.",
      input: ListenRequest,
      stream: ListenItem,
      deadlineMs: 0,
      optional: true,
    },
    hear: {
      summary: "The next piece of sound for a `listen` of the same caller. The one after it comes when this has been answered.",
      input: Type.Object({
        id: Type.String({ maxLength: 128 }),
        base64: Type.String({ maxLength: PIECE_BASE64 }),
        last: Type.Optional(Type.Boolean()),
      }),
      output: Type.Object({}),
      deadlineMs: 30_000,
      optional: true,
    },
  },
  errors: { ...modelErrors, PLINTH_MODEL_LISTEN: "`hear` names no `listen` that goes on." },
});
