/** One page of a list, and where the next one is. */
export interface Page<Item, Next> {
  items: readonly Item[];
  /** undefined: this was the last one. */
  next: Next | undefined;
}

/** All items of a list that comes in pages, as they are asked for. A list that leads back to a page that it had ends there. */
export async function* paged<Item, Next>(first: Next, load: (next: Next) => Promise<Page<Item, Next>>, most = 1_000): AsyncGenerator<Item> {
  const seen = new Set<string>();
  let next: Next | undefined = first;
  for (let count = 0; next !== undefined && count < most; count += 1) {
    const key = JSON.stringify(next);
    if (seen.has(key)) return;
    seen.add(key);
    const page: Page<Item, Next> = await load(next);
    yield* page.items;
    next = page.next;
  }
}

/** The address of a relation in a `Link` header (RFC 8288), such as the next page; only of the server that was asked. */
export function linkOf(header: string | undefined, relation: string, base: string): string | undefined {
  for (const part of (header ?? "").split(/,(?=\s*<)/).slice(0, 64)) {
    const [, target, rest] = /^\s*<([^>]*)>\s*((?:;.*)?)$/.exec(part) ?? [];
    const relations = /;\s*rel\s*=\s*(?:"([^"]*)"|([^;\s]*))/i.exec(rest ?? "");
    if (target === undefined || relations === null) continue;
    if (!(relations[1] ?? relations[2] ?? "").toLowerCase().split(/\s+/).includes(relation)) continue;
    const url = URL.parse(target, base);
    if (url !== null && url.origin === new URL(base).origin) return url.href;
  }
  return undefined;
}
