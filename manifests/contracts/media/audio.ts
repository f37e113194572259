import Type from "typebox";

export const AudioFormat = Type.Enum(["mp3", "opus", "aac", "flac", "wav", "pcm", "mulaw", "alaw"], {
  description: "`opus` is in Ogg; `pcm` is signed, 16 bits, least byte first, without a head; `mulaw` and `alaw` are 8 bits, without one.",
});

const rate = (description: string) => Type.Optional(Type.Integer({ minimum: 1, description }));

/** How sound is wanted. */
export const soundAsked = {
  format: Type.Optional(AudioFormat),
  sampleRate: rate("In hertz."),
  bitRate: rate("In bits a second."),
};

export const second = Type.Number({ minimum: 0, description: "In seconds, from the start." });
