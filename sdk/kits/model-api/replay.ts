/**
 * A recorded answer of a server, for tests: its bytes in pieces that are cut anywhere, also inside a character. The same seed
 * cuts the same way.
 */
export async function* replay(
  recorded: string | Uint8Array,
  { seed = 1, longest = 64 }: { seed?: number; longest?: number } = {},
): AsyncGenerator<Uint8Array> {
  const bytes = typeof recorded === "string" ? new TextEncoder().encode(recorded) : recorded;
  let state = seed >>> 0 || 1;
  for (let at = 0; at < bytes.length; ) {
    // xorshift32
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    const size = 1 + ((state >>> 0) % longest);
    yield bytes.subarray(at, at + size);
    at += size;
    await Promise.resolve();
  }
}
