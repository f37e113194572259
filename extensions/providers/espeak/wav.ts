/** What a recording says of itself. */
export interface Sound {
  /** Hertz. */
  readonly rate: number;
  readonly channels: number;
  /** 16 bits, least byte first. */
  readonly samples: Uint8Array;
}

/** The samples of a WAV as programs write it into a pipe: its lengths are not believed, for they were not known. undefined: it is none. */
export function soundIn(bytes: Uint8Array): Sound | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const tag = (at: number): string => (at + 4 <= bytes.length ? String.fromCharCode(...bytes.subarray(at, at + 4)) : "");
  if (tag(0) !== "RIFF" || tag(8) !== "WAVE" || tag(12) !== "fmt " || bytes.length < 44) return undefined;
  const after = 20 + view.getUint32(16, true);
  if (view.getUint16(20, true) !== 1 || view.getUint16(34, true) !== 16 || tag(after) !== "data") return undefined;
  return { channels: view.getUint16(22, true), rate: view.getUint32(24, true), samples: bytes.subarray(after + 8) };
}

/** The head of a WAV with so many bytes of samples. */
export function wavHead({ rate, channels }: Sound, length: number): Uint8Array {
  const head = new Uint8Array(44);
  const view = new DataView(head.buffer);
  const write = (at: number, text: string) => head.set(new TextEncoder().encode(text), at);
  write(0, "RIFF");
  view.setUint32(4, 36 + length, true);
  write(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, channels, true);
  view.setUint32(24, rate, true);
  view.setUint32(28, rate * channels * 2, true);
  view.setUint16(32, channels * 2, true);
  view.setUint16(34, 16, true);
  write(36, "data");
  view.setUint32(40, length, true);
  return head;
}
