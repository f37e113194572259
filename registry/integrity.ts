import { createHash, timingSafeEqual } from "node:crypto";

/** The Subresource Integrity string of some bytes: `sha512-` and base64. */
export function integrityOf(bytes: Uint8Array): string {
  return `sha512-${createHash("sha512").update(bytes).digest("base64")}`;
}

/** Whether the bytes are those that the string was made of. Anything but one sha512 is a no. */
export function integrityMatches(bytes: Uint8Array, integrity: string): boolean {
  const expected = Buffer.from(integrity);
  const actual = Buffer.from(integrityOf(bytes));
  return expected.length === actual.length && timingSafeEqual(expected, actual);
}
