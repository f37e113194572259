/** Bytes of a chunk, a message, a response's head, or of so many that were counted elsewhere. */
export function sizeOf(item: unknown): number {
  if (typeof item === "number") return item;
  if (item instanceof Uint8Array) return item.byteLength;
  if (typeof item === "string") return Buffer.byteLength(item);
  const { binary, text } = item as { binary?: unknown; text?: unknown };
  return sizeOf(binary ?? text ?? JSON.stringify(item));
}
