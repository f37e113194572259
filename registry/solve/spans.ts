/** Places in a list, as stretches `[from, to)` side by side: `[0, 3, 7, 8]` is 0, 1, 2 and 7. In order, none empty, none touching. */
export type Spans = readonly number[];

export const NONE: Spans = [];

export function all(length: number): Spans {
  return length === 0 ? NONE : [0, length];
}

export function count(spans: Spans): number {
  let found = 0;
  for (let at = 0; at < spans.length; at += 2) found += spans[at + 1]! - spans[at]!;
  return found;
}

export function holds(spans: Spans, place: number): boolean {
  let [low, high] = [0, spans.length / 2];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (spans[middle * 2 + 1]! <= place) low = middle + 1;
    else high = middle;
  }
  return low * 2 < spans.length && spans[low * 2]! <= place;
}

export function both(one: Spans, other: Spans): Spans {
  const found: number[] = [];
  for (let [i, j] = [0, 0]; i < one.length && j < other.length; ) {
    const from = Math.max(one[i]!, other[j]!);
    const to = Math.min(one[i + 1]!, other[j + 1]!);
    if (from < to) found.push(from, to);
    if (one[i + 1]! < other[j + 1]!) i += 2;
    else j += 2;
  }
  return found;
}

/** Stretches in any order, put together. */
export function either(stretches: readonly (readonly [from: number, to: number])[]): Spans {
  const found: number[] = [];
  for (const [from, to] of [...stretches].sort(([a], [b]) => a - b)) {
    if (from >= to) continue;
    if (found.length > 0 && from <= found.at(-1)!) found[found.length - 1] = Math.max(found.at(-1)!, to);
    else found.push(from, to);
  }
  return found;
}

export function* stretchesOf(spans: Spans): Generator<readonly [from: number, to: number]> {
  for (let at = 0; at < spans.length; at += 2) yield [spans[at]!, spans[at + 1]!];
}
