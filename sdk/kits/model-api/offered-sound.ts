import type { Unsupported } from "./support.ts";

/** One of a server's kinds of sound. */
export interface OfferedSound {
  /** As the server calls it. */
  readonly name: string;
  /** Samples a second. */
  readonly hertz: number;
  /** Bits a second, where it can be chosen. */
  readonly bits?: number;
}

/**
 * The kind of sound that is nearest to what is wanted: a rate that the server does not have is refused, or left out.
 *
 * @param offered of one format, the usual one first; not empty
 */
export function offeredSound(
  offered: readonly OfferedSound[],
  { sampleRate, bitRate }: { sampleRate?: number | undefined; bitRate?: number | undefined },
  unsupported: Unsupported,
): OfferedSound {
  const inHertz = offered.filter(({ hertz }) => sampleRate === undefined || hertz === sampleRate);
  if (inHertz.length === 0) unsupported.leave("sampleRate", `${sampleRate} hertz of this format`);
  const left = inHertz.length === 0 ? offered : inHertz;
  const inBits = left.filter(({ bits }) => bitRate === undefined || bits === bitRate);
  if (inBits.length === 0) unsupported.leave("bitRate", `${bitRate} bits a second of this format`);
  return (inBits[0] ?? left[0])!;
}
