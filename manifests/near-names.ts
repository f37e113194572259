/** The names nearest to what was asked for, nearest first; none that is far off. */
export function nearNames(asked: string, names: Iterable<string>, count = 3): string[] {
  const wanted = asked.toLowerCase().slice(0, 128);
  const limit = Math.max(1, Math.floor(wanted.length / 3));
  const scored: { name: string; distance: number }[] = [];
  for (const name of names) {
    const known = name.toLowerCase();
    const tail = known.slice(known.indexOf(".") + 1);
    const head = wanted.slice(wanted.indexOf(".") + 1);
    // `weather` is meant to find demo.weather, and so is acme.weather.
    const distance = tail === head ? 0 : Math.min(editDistance(wanted, known), wanted.includes(".") ? 99 : editDistance(wanted, tail));
    if (distance <= limit) scored.push({ name, distance });
  }
  return scored
    .sort((a, b) => a.distance - b.distance || (a.name < b.name ? -1 : 1))
    .slice(0, count)
    .map(({ name }) => name);
}

/** Levenshtein's distance with swapped neighbours counted once. */
export function editDistance(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > 40) return 99;
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let cost = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) cost = Math.min(cost, before[j - 2]! + 1);
      row.push(cost);
    }
    before = last;
    last = row;
  }
  return last[b.length]!;
}
