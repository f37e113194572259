/** Frames are JSON: bytes travel as `{ base64 }`, at the top of a value or one step below it. Not by Buffer: an isolate has none. */
export const packBytes = (value: unknown): unknown => mapped(value, (one) => (one instanceof Uint8Array ? { base64: toBase64(one) } : one));

export const unpackBytes = (value: unknown): unknown =>
  mapped(value, (one) => {
    const { base64 } = (one ?? {}) as { base64?: unknown };
    return typeof base64 === "string" ? fromBase64(base64) : one;
  });

export const toBase64 = (bytes: Uint8Array): string => (bytes as Uint8Array & { toBase64(): string }).toBase64();

export const fromBase64 = (text: string): Uint8Array => (Uint8Array as unknown as { fromBase64(text: string): Uint8Array }).fromBase64(text);

function mapped(value: unknown, each: (value: unknown) => unknown): unknown {
  const top = each(value);
  if (top !== value || value === null || typeof value !== "object" || Array.isArray(value)) return top;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, each(one)]));
}
