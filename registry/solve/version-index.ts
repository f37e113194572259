import semver, { type Range, type SemVer } from "semver";
import type { Meter } from "./meter.ts";
import type { Release } from "./release.ts";
import { all, both, either, holds, NONE, type Spans, stretchesOf } from "./spans.ts";

const MAX_RANGES = 100_000;
const MAX_REMEMBERED = 20_000;
const MAX_STRETCHES = 64;

/**
 * All versions of one extension: each is parsed once and given a place, each range is worked out once, as stretches of
 * places. A place is in the order of precedence, the newest first; prereleases come after all others, because a range
 * takes one only where it names that very version's own prereleases.
 */
export class VersionIndex {
  /** Those that may be chosen, by place. */
  readonly releases: readonly Release[];
  /** Those that may not be chosen whatever else is, with why. */
  readonly dead: readonly { release: Release; reason: string }[];
  readonly #parsed: readonly SemVer[];
  /** How many are no prereleases: the places from there on are. */
  readonly #stable: number;
  readonly #meter: Meter;
  readonly #ranges = new Map<string, Spans>();
  readonly #unions = new Map<string, Spans>();
  #named: { ids: ReadonlySet<string>; contracts: ReadonlySet<string> } | undefined;

  /** @param refuses why a version may not be chosen at all; null = it may. */
  constructor(releases: readonly Release[], refuses: (release: Release) => string | null, meter: Meter) {
    this.#meter = meter;
    const live: { release: Release; parsed: SemVer }[] = [];
    const dead: { release: Release; reason: string }[] = [];
    for (const release of releases) {
      meter.steps++;
      const parsed = versionOf(release.version);
      const reason = parsed === null ? "its version is not one" : refuses(release);
      if (parsed === null || reason !== null) dead.push({ release, reason: reason as string });
      else live.push({ release, parsed });
    }
    live.sort((a, b) => Number(a.parsed.prerelease.length > 0) - Number(b.parsed.prerelease.length > 0) || b.parsed.compare(a.parsed));
    this.dead = dead;
    this.releases = live.map(({ release }) => release);
    this.#parsed = live.map(({ parsed }) => parsed);
    const first = this.#parsed.findIndex(({ prerelease }) => prerelease.length > 0);
    this.#stable = first < 0 ? live.length : first;
  }

  placeOf(version: string): number {
    return this.releases.findIndex((one) => one.version === version);
  }

  /** The places that a range takes, as `semver.satisfies` says. */
  taken(range: string): Spans {
    let found = this.#ranges.get(range);
    if (found === undefined) {
      this.#meter.steps++;
      if (this.#ranges.size >= MAX_RANGES) this.#ranges.clear();
      this.#ranges.set(range, (found = this.#fitting(rangeOf(range))));
    }
    return found;
  }

  takes(range: string, place: number): boolean {
    return holds(this.taken(range), place);
  }

  /** The places of `other` that at least one of these versions could be with, as far as its own requirement of `other` goes. */
  acceptedBy(places: Spans, id: string, other: VersionIndex): Spans {
    // So many stretches come from nobody's honest range; what is not worked out here is found out one by one.
    if (places.length > MAX_STRETCHES) return all(other.releases.length);
    const key = `${id} ${places.join()}`;
    let found = this.#unions.get(key);
    if (found === undefined) {
      const stretches: (readonly [number, number])[] = [];
      const seen = new Set<string>();
      for (const place of this.#each(places)) {
        this.#meter.steps++;
        const range = this.releases[place]!.manifest.extensions?.[id] ?? "";
        if (seen.has(range)) continue;
        seen.add(range);
        stretches.push(...stretchesOf(range === "" ? all(other.releases.length) : other.taken(range)));
      }
      if (this.#unions.size >= MAX_RANGES) this.#unions.clear();
      this.#unions.set(key, (found = either(stretches)));
    }
    return found;
  }

  /** The places in the order in which they are tried: the newest first, whether or not it is a prerelease. */
  *inOrder(places: Spans): Generator<number> {
    const [stable, early] = [this.#each(both(places, all(this.#stable))), this.#each(both(places, [this.#stable, this.releases.length]))];
    let [one, other] = [stable.next(), early.next()];
    while (!one.done || !other.done) {
      const isStable = !one.done && (other.done || this.#parsed[one.value]!.compare(this.#parsed[other.value]!) >= 0);
      if (isStable) {
        yield one.value as number;
        one = stable.next();
      } else {
        yield other.value as number;
        other = early.next();
      }
    }
  }

  /** Everything that any of the versions names. */
  get named(): { ids: ReadonlySet<string>; contracts: ReadonlySet<string> } {
    if (this.#named === undefined) {
      const [ids, contracts] = [new Set<string>(), new Set<string>()];
      for (const { manifest } of this.releases) {
        this.#meter.steps++;
        for (const id of Object.keys(manifest.extensions ?? {})) ids.add(id);
        for (const { id } of manifest.defines ?? []) contracts.add(id);
      }
      this.#named = { ids, contracts };
    }
    return this.#named;
  }

  *#each(places: Spans): Generator<number> {
    for (const [from, to] of stretchesOf(places)) for (let place = from; place < to; place++) yield place;
  }

  #fitting(range: Range | null): Spans {
    if (range === null) return NONE;
    const stretches: (readonly [number, number])[] = [];
    for (const set of range.set) {
      stretches.push(this.#stretch(set, 0, this.#stable));
      const tuples = set.flatMap(({ semver: { prerelease, major, minor, patch } }) => (prerelease?.length ? `${major}.${minor}.${patch}` : []));
      for (const tuple of new Set(tuples)) {
        const main = new semver.SemVer(tuple);
        // All prereleases of one version lie side by side, between its first one and the version itself.
        const from = this.#first(this.#stable, this.releases.length, (one) => one.compareMain(main) <= 0);
        const to = this.#first(from, this.releases.length, (one) => one.compareMain(main) < 0);
        stretches.push(this.#stretch(set, from, to));
      }
    }
    return either(stretches);
  }

  /** Where all comparators of a set hold, between two places. */
  #stretch(set: Range["set"][number], from: number, to: number): readonly [number, number] {
    for (const { operator, semver: bound } of set) {
      // The comparator for everything has no version.
      if (!(bound instanceof semver.SemVer)) continue;
      if (operator !== ">" && operator !== ">=")
        from = Math.max(
          from,
          this.#first(from, to, (one) => one.compare(bound) < (operator === "<" ? 0 : 1)),
        );
      if (operator !== "<" && operator !== "<=")
        to = Math.min(
          to,
          this.#first(from, to, (one) => one.compare(bound) < (operator === ">" ? 1 : 0)),
        );
    }
    return [from, to];
  }

  /** The first place for which it holds; it does so for all after it. */
  #first(low: number, high: number, isThere: (version: SemVer) => boolean): number {
    while (low < high) {
      const middle = (low + high) >>> 1;
      this.#meter.steps++;
      if (isThere(this.#parsed[middle]!)) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}

/** A range, parsed once; null when it is none. */
export const rangeOf = remembered((text): Range | null => {
  try {
    return new semver.Range(text);
  } catch {
    return null;
  }
});

/** A version, parsed once; null when it is none. */
export const versionOf = remembered((text): SemVer | null => semver.parse(text));

function remembered<T>(parse: (text: string) => T): (text: string) => T {
  const known = new Map<string, T>();
  return (text) => {
    const found = known.get(text);
    if (found !== undefined) return found;
    if (known.size >= MAX_REMEMBERED) known.clear();
    const parsed = parse(text);
    known.set(text, parsed);
    return parsed;
  };
}
