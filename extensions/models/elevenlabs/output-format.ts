import { type OfferedSound, offeredSound, type SoundFormat, type Unsupported } from "@plinth/sdk/kits/model-api";

/** Named by its word, its hertz and, where it has some, its kilobits a second. */
const kind = (word: string, hertz: number, kilobits?: number): OfferedSound =>
  kilobits === undefined ? { name: `${word}_${hertz}`, hertz } : { name: `${word}_${hertz}_${kilobits}`, hertz, bits: kilobits * 1_000 };

const MP3 = [
  kind("mp3", 44_100, 128),
  kind("mp3", 22_050, 32),
  kind("mp3", 24_000, 48),
  ...[32, 64, 96, 192].map((bits) => kind("mp3", 44_100, bits)),
];
const OFFERED: { readonly [format in SoundFormat]?: readonly OfferedSound[] } = {
  mp3: MP3,
  opus: [64, 32, 96, 128, 192].map((bits) => kind("opus", 48_000, bits)),
  pcm: [24_000, 8_000, 16_000, 22_050, 32_000, 44_100, 48_000].map((hertz) => kind("pcm", hertz)),
  mulaw: [kind("ulaw", 8_000)],
  alaw: [kind("alaw", 8_000)],
};
/** How music comes besides. */
const FINER = [128, 192, 240, 320].map((bits) => kind("mp3", 48_000, bits));

/** The server's `output_format` for what is wanted. */
export function outputFormat(
  format: SoundFormat,
  wanted: { sampleRate?: number | undefined; bitRate?: number | undefined },
  unsupported: Unsupported,
  finer = false,
): OfferedSound {
  const offered = OFFERED[format] ?? MP3;
  return offeredSound(finer && format === "mp3" ? [...offered, ...FINER] : offered, wanted, unsupported);
}
