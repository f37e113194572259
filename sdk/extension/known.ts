/**
 * Only the items of the kinds that a reader knows: a later version of a contract may send others, which are passed over.
 *
 * ```ts
 * for await (const item of known(provider.stream(request), "type", ["text", "end"])) …
 * ```
 */
export async function* known<T extends { readonly [tag in G]: string }, G extends string, const K extends T[G]>(
  items: AsyncIterable<T>,
  tag: G,
  kinds: readonly K[],
): AsyncGenerator<Extract<T, { readonly [tag in G]: K }>> {
  const listed: ReadonlySet<string> = new Set(kinds);
  for await (const item of items) if (listed.has(item[tag])) yield item as Extract<T, { readonly [tag in G]: K }>;
}
