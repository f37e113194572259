import type { PlinthError } from "@plinth/manifests/wire/error.ts";

const FIRST_BYTES = 64 * 1024;

/**
 * Bytes that come from outside, put together in memory that the thread for strangers' data reads without a copy.
 *
 * @param expected how many there will probably be; more is made room for, up to `maxBytes`.
 */
export async function collect(
  body: AsyncIterable<Uint8Array>,
  maxBytes: number,
  tooMany: () => PlinthError,
  options: { expected?: number | undefined } = {},
): Promise<Buffer> {
  const { expected = FIRST_BYTES } = options;
  let bytes = Buffer.from(new SharedArrayBuffer(Math.min(Math.max(expected, 1), maxBytes)));
  let size = 0;
  for await (const chunk of body) {
    if (size + chunk.length > maxBytes) throw tooMany();
    if (size + chunk.length > bytes.length) {
      const larger = Buffer.from(new SharedArrayBuffer(Math.min(Math.max(bytes.length * 2, size + chunk.length), maxBytes)));
      bytes.copy(larger, 0, 0, size);
      bytes = larger;
    }
    bytes.set(chunk, size);
    size += chunk.length;
  }
  return bytes.subarray(0, size);
}
