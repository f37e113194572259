import { fromBase64, toBase64 } from "@plinth/manifests/wire/bytes.ts";

/**
 * A vector of length one, as `plinth.embedding` has it: base64 of numbers of 32 bits, least byte first.
 *
 * @returns undefined: it has no direction, or is none of numbers
 */
export function unitVector(numbers: ArrayLike<number>): string | undefined {
  let squares = 0;
  for (let at = 0; at < numbers.length; at++) squares += numbers[at]! * numbers[at]!;
  const length = Math.sqrt(squares);
  if (!Number.isFinite(length) || length === 0) return undefined;
  const view = new DataView(new ArrayBuffer(numbers.length * 4));
  for (let at = 0; at < numbers.length; at++) view.setFloat32(at * 4, numbers[at]! / length, true);
  return toBase64(new Uint8Array(view.buffer));
}

/** The numbers of base64 as servers send it: of 32 bits, least byte first. undefined: it is none. */
export function numbersOf(base64: string): Float32Array | undefined {
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(base64)) return undefined;
  const bytes = fromBase64(base64);
  if (bytes.length === 0 || bytes.length % 4 !== 0) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return Float32Array.from({ length: bytes.length / 4 }, (_, at) => view.getFloat32(at * 4, true));
}
