import type { SoundFormat, Unsupported } from "@plinth/sdk/kits/model-api";

/** By our formats, the server's words for them with hertz and kilobits a second, the usual first. */
const OFFERED: { readonly [format in SoundFormat]?: { word: string; rates: readonly (readonly [hertz: number, kilobits?: number])[] } } = {
  mp3: {
    word: "mp3",
    rates: [
      [44_100, 128],
      [22_050, 32],
      [24_000, 48],
      [44_100, 32],
      [44_100, 64],
      [44_100, 96],
      [44_100, 192],
    ],
  },
  opus: {
    word: "opus",
    rates: [
      [48_000, 64],
      [48_000, 32],
      [48_000, 96],
      [48_000, 128],
      [48_000, 192],
    ],
  },
  pcm: { word: "pcm", rates: [[24_000], [8_000], [16_000], [22_050], [32_000], [44_100], [48_000]] },
  mulaw: { word: "ulaw", rates: [[8_000]] },
  alaw: { word: "alaw", rates: [[8_000]] },
};

/** How music comes besides. */
const FINER: readonly (readonly [number, number])[] = [
  [48_000, 128],
  [48_000, 192],
  [48_000, 240],
  [48_000, 320],
];

export interface Output {
  /** The server's name for it, such as `mp3_44100_128`. */
  readonly name: string;
  readonly hertz: number;
}

/** What is nearest to what is wanted: a rate that it does not have is refused, or left out. */
export function outputFormat(
  format: SoundFormat,
  { sampleRate, bitRate }: { sampleRate?: number; bitRate?: number },
  unsupported: Unsupported,
  finer = false,
): Output {
  const { word, rates } = OFFERED[format] ?? OFFERED.mp3!;
  const offered = finer && format === "mp3" ? [...rates, ...FINER] : rates;
  const inHertz = offered.filter(([hertz]) => sampleRate === undefined || hertz === sampleRate);
  if (inHertz.length === 0) unsupported.leave("sampleRate", `${sampleRate} hertz as ${format}`);
  const left = inHertz.length === 0 ? offered : inHertz;
  const inBits = left.filter(([, kilobits]) => bitRate === undefined || kilobits === bitRate / 1_000);
  if (inBits.length === 0) unsupported.leave("bitRate", `${bitRate} bits a second as ${format}`);
  const [hertz, kilobits] = (inBits[0] ?? left[0])!;
  return { name: [word, hertz, kilobits].filter((one) => one !== undefined).join("_"), hertz };
}
