import { failure } from "@plinth/sdk/kits/model-api";

/** 16 bits, one channel. */
const SAMPLE = 2;

/** A recording as a file: a head that says how long it is, so that all of it waits, then the samples (http://soundfile.sapp.org/doc/WaveFormat/). */
export async function* wavOf(pcm: AsyncIterable<Uint8Array>, sampleRate: number, most: number, title: string): AsyncGenerator<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of pcm) {
    length += piece.length;
    if (length > most)
      throw failure("STREAM", `${title} sent more than ${most} bytes.`, { next: "Ask for pcm, or for less.", details: { retryable: false } });
    pieces.push(piece);
  }
  yield head(length, sampleRate);
  yield* pieces;
}

function head(length: number, sampleRate: number): Uint8Array {
  const bytes = Buffer.alloc(44);
  bytes.write("RIFF", 0);
  bytes.writeUInt32LE(36 + length, 4);
  bytes.write("WAVEfmt ", 8);
  bytes.writeUInt32LE(16, 16);
  bytes.writeUInt16LE(1, 20);
  bytes.writeUInt16LE(1, 22);
  bytes.writeUInt32LE(sampleRate, 24);
  bytes.writeUInt32LE(sampleRate * SAMPLE, 28);
  bytes.writeUInt16LE(SAMPLE, 32);
  bytes.writeUInt16LE(SAMPLE * 8, 34);
  bytes.write("data", 36);
  bytes.writeUInt32LE(length, 40);
  return bytes;
}
