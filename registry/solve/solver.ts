import { nearNames } from "@plinth/manifests/near-names.ts";
import { PlinthError } from "@plinth/manifests/wire/error.ts";
import semver from "semver";
import { ContractTable } from "./contracts.ts";
import type { Meter } from "./meter.ts";
import type { Chosen, Constraint, Release, SolveInput } from "./release.ts";
import { all, both, count, holds, type Spans } from "./spans.ts";
import { rangeOf, VersionIndex, versionOf } from "./version-index.ts";

/** More than this many tries or steps, and the question is refused instead of answered too late. */
const MAX_TRIES = 100_000;
const MAX_STEPS = 5_000_000;
const MAX_REPORT = 12;
const MAX_REASONS = 200;
const UNKNOWN = "nobody knows";

/**
 * Choose one version of each extension that is asked for or needed, so that all ranges hold: on extensions, on
 * contracts and on the host. Newest first, but what is preferred stays where it can. The same input gives the same
 * answer. Throws PLINTH_VERSION_CONFLICT with a report when there is none.
 *
 * Backtracking with conflict-directed backjumping (Prosser, 1993): a dead end names the choices that led into it. Versions
 * and ranges come from strangers: each is parsed once, and what a range takes is worked out once for all versions
 * together, so that the usual question costs as many steps as there are versions.
 */
export async function solve(input: SolveInput): Promise<ReadonlyMap<string, Chosen>> {
  const search = new Search(input);
  const culprits = await search.next();
  if (culprits !== null) throw conflict(input, search.reasons);
  return search.result();
}

interface Choice {
  readonly release: Release;
  readonly place: number;
}

class Search {
  readonly #input: SolveInput;
  readonly #meter: Meter;
  readonly #known = new Map<string, VersionIndex>();
  readonly #chosen = new Map<string, Choice>();
  /** Who of the chosen needs an extension, by that extension. */
  readonly #needs = new Map<string, Map<string, string>>();
  /** How many versions of what is needed are left, as long as nobody who needs it changes. */
  readonly #left = new Map<string, number>();
  readonly #contracts: ContractTable;
  /** Why versions were turned down, in the order found. */
  readonly reasons = new Set<string>();
  /** What the extensions that never change say, for versions that cannot be with them. */
  readonly #fixed: ContractTable;
  readonly #wanted: ReadonlyMap<string, SolveInput["wanted"]>;
  readonly #mayDefine = new Map<string, { known: number; answer: boolean }>();
  #tries = 0;

  constructor(input: SolveInput) {
    this.#input = input;
    this.#meter = input.meter ?? { steps: 0 };
    this.#contracts = new ContractTable(input.contracts);
    this.#fixed = new ContractTable(input.contracts);
    this.#wanted = Map.groupBy(input.wanted, ({ id }) => id);
    for (const [id, release] of input.fixed) {
      this.#fixed.add(id, release);
      this.#known.set(id, new VersionIndex([release], () => null, this.#meter));
      this.#choose(id, { release, place: 0 });
    }
  }

  /** Choose for the next extension that needs it; null = everything is chosen, else the ids whose versions are to blame. */
  async next(): Promise<Set<string> | null> {
    const id = await this.#open();
    if (id === undefined) return this.#unmetContracts();
    const index = await this.#index(id);
    const constraints = this.#constraints(id);
    const culprits = new Set(constraints.flatMap(({ by }) => by ?? []));
    const places = this.#places(index, constraints);
    if (count(places) === 0) {
      this.#noteNone(id, index, constraints);
      return culprits;
    }
    const blocker = this.#blocker(id, index, places);
    if (blocker !== undefined) return new Set([...culprits, ...blocker]);
    for (const place of this.#inOrder(id, index, places)) {
      if (++this.#tries > MAX_TRIES || ++this.#meter.steps > MAX_STEPS)
        throw tooHard([...this.#chosen.keys(), id].filter((one) => !this.#input.fixed.has(one)));
      const release = index.releases[place] as Release;
      const clash = this.#clash(id, { release, place });
      if (clash !== null) {
        for (const other of clash) culprits.add(other);
        continue;
      }
      this.#choose(id, { release, place });
      const blamed = await this.next();
      if (blamed === null) return null;
      this.#drop(id);
      // Another version of this one changes nothing: go back to whoever is to blame.
      if (!blamed.has(id)) return blamed;
      for (const other of blamed) if (other !== id) culprits.add(other);
    }
    return culprits;
  }

  result(): Map<string, Chosen> {
    const result = new Map<string, Chosen>();
    for (const id of [...this.#chosen.keys()].filter((one) => !this.#input.fixed.has(one)).sort()) {
      const because = this.#constraints(id).map(({ said }) => said);
      result.set(id, { release: (this.#chosen.get(id) as Choice).release, because: [...new Set(because)].sort() });
    }
    return result;
  }

  #choose(id: string, choice: Choice): void {
    this.#chosen.set(id, choice);
    this.#contracts.add(id, choice.release);
    for (const [other, range] of Object.entries(choice.release.manifest.extensions ?? {})) {
      this.#meter.steps++;
      this.#left.delete(other);
      const by = this.#needs.get(other);
      if (by === undefined) this.#needs.set(other, new Map([[id, range]]));
      else by.set(id, range);
    }
  }

  #drop(id: string): void {
    const { release } = this.#chosen.get(id) as Choice;
    this.#chosen.delete(id);
    this.#contracts.remove(id, release);
    for (const other of Object.keys(release.manifest.extensions ?? {})) {
      this.#left.delete(other);
      const by = this.#needs.get(other);
      by?.delete(id);
      if (by?.size === 0) this.#needs.delete(other);
    }
  }

  /** What was asked for comes first, as it was asked; then, of what is needed, the one with the fewest versions left. */
  async #open(): Promise<string | undefined> {
    const asked = this.#input.wanted.find(({ id }) => !this.#chosen.has(id));
    if (asked !== undefined) return asked.id;
    let best: { id: string; left: number } | undefined;
    for (const id of this.#needs.keys()) {
      if (this.#chosen.has(id)) continue;
      const left = this.#left.get(id) ?? (await this.#countLeft(id));
      if (best === undefined || left < best.left || (left === best.left && id < best.id)) best = { id, left };
    }
    return best?.id;
  }

  async #countLeft(id: string): Promise<number> {
    this.#meter.steps++;
    const index = await this.#index(id);
    const left = count(this.#places(index, this.#constraints(id)));
    this.#left.set(id, left);
    return left;
  }

  #constraints(id: string): Constraint[] {
    const wanted = this.#wanted.get(id) ?? [];
    const found: Constraint[] = wanted.map(({ range, by }) => ({ range, by: null, said: `${by} asks for ${id} ${range}` }));
    for (const [other, range] of this.#needs.get(id) ?? []) {
      const { version } = (this.#chosen.get(other) as Choice).release;
      found.push({ range, by: other, said: `${other} ${version} needs ${id} ${range}` });
    }
    return found;
  }

  #places(index: VersionIndex, constraints: readonly Constraint[]): Spans {
    return constraints.reduce((left, { range }) => both(left, index.taken(range)), all(index.releases.length));
  }

  *#inOrder(id: string, index: VersionIndex, places: Spans): Generator<number> {
    const wish = this.#input.preferred.get(id);
    const preferred = wish === undefined ? -1 : index.placeOf(wish);
    if (preferred >= 0 && holds(places, preferred)) yield preferred;
    for (const place of index.inOrder(places)) if (place !== preferred) yield place;
  }

  /** Whoever none of these versions could be with: then they need not be tried one by one. */
  #blocker(id: string, index: VersionIndex, places: Spans): readonly string[] | undefined {
    const first = index.releases[places[0] as number] as Release;
    for (const [other, range] of Object.entries(first.manifest.extensions ?? {})) {
      const choice = other === id ? undefined : this.#chosen.get(other);
      if (choice === undefined) continue;
      const there = this.#known.get(other) as VersionIndex;
      if (there.takes(range, choice.place) || holds(index.acceptedBy(places, other, there), choice.place)) continue;
      this.#note(`every version of ${id} that is left, such as ${first.version}, needs another ${other} than ${choice.release.version} (${range})`);
      return [other, ...this.#wanters(other)];
    }
    return undefined;
  }

  /** The chosen ones that this version cannot be with; null = it fits. An empty set: it fits nowhere here. */
  #clash(id: string, { release, place }: Choice): Set<string> | null {
    const { version, manifest } = release;
    for (const [other, range] of Object.entries(manifest.extensions ?? {})) {
      this.#meter.steps++;
      const found = other === id ? { release, place } : this.#chosen.get(other);
      if (found !== undefined && !(this.#known.get(other) as VersionIndex).takes(range, found.place)) {
        const why = `${id} ${version} needs ${other} ${range}, but ${other} ${found.release.version} is chosen`;
        return this.#turnDown(why, other, ...this.#wanters(other));
      }
    }
    const missing = this.#missing(id, release);
    if (missing !== undefined && !this.#isDefinable(missing)) return this.#turnDown(this.#undefinedContract(id, release, missing));
    const disagreement = this.#contracts.clash(id, release);
    return disagreement === null ? null : this.#turnDown(disagreement.problem, disagreement.with);
  }

  /** What only shows when all is chosen: a contract that nobody in the whole set defines. */
  #unmetContracts(): Set<string> | null {
    for (const [id, { release }] of this.#chosen) {
      if (this.#input.fixed.has(id)) continue;
      const missing = this.#missing(id, release);
      if (missing === undefined) continue;
      this.#note(this.#undefinedContract(id, release, missing));
      // Another version of any of them may need one that defines it, if there is such a one.
      const others = this.#isDefinable(missing) ? [...this.#chosen.keys()] : [id, ...this.#wanters(id)];
      return new Set(others.filter((one) => !this.#input.fixed.has(one)));
    }
    return null;
  }

  /** A contract that a release cannot be without, and that none of the chosen ones nor itself defines. */
  #missing(id: string, { manifest }: Release): string | undefined {
    this.#meter.steps++;
    const own = (contract: string): boolean => manifest.defines?.some((one) => one.id === contract) === true;
    const isMissing = (contract: string): boolean => !this.#contracts.has(contract) && !own(contract);
    if (this.#input.fixed.has(id)) return undefined;
    const use = (manifest.uses ?? []).find(({ contract, optional }) => optional !== true && isMissing(contract));
    return (use ?? (manifest.provides ?? []).find(({ contract }) => isMissing(contract)))?.contract;
  }

  #undefinedContract(id: string, { version }: Release, contract: string): string {
    const near = this.reasons.size < MAX_REASONS ? nearNames(contract, this.#contracts.names)[0] : undefined;
    return `${id} ${version} names the contract ${contract}, which nothing here defines${near ? ` (is it ${near}?)` : ""}`;
  }

  /** Whether any version of anything that could come in defines a contract, as far as that is known. */
  #isDefinable(contract: string): boolean {
    const before = this.#mayDefine.get(contract);
    if (before?.known === this.#known.size) return before.answer;
    const indexes = [...this.#known.values()];
    this.#meter.steps += indexes.length;
    const isOpen = this.#input.wanted.some(({ id }) => !this.#known.has(id));
    const answer = isOpen || indexes.some(({ named }) => named.contracts.has(contract) || [...named.ids].some((id) => !this.#known.has(id)));
    this.#mayDefine.set(contract, { known: this.#known.size, answer });
    return answer;
  }

  /** Those that made it needed at all: with other versions of them it might not be there. */
  #wanters(id: string): string[] {
    return [...(this.#needs.get(id)?.keys() ?? [])];
  }

  #noteNone(id: string, index: VersionIndex, constraints: readonly Constraint[]): void {
    const there = [...index.releases, ...index.dead.map(({ release }) => release)];
    if (there.length === 0) return this.#note(`${UNKNOWN} ${id}: ${constraints.map(({ said }) => said).join("; ")}`);
    for (const { release, reason } of index.dead) {
      if (this.reasons.size >= MAX_REASONS) return;
      const parsed = versionOf(release.version);
      if (parsed === null || constraints.every(({ range }) => rangeOf(range)?.test(parsed))) this.#note(reason);
    }
    if (constraints.length === 0) return;
    const versions = there.slice(0, 6).map(({ version }) => version);
    this.#note(`no version of ${id} fits: ${constraints.map(({ said }) => said).join("; ")} (there are ${versions.join(", ")})`);
  }

  #turnDown(reason: string, ...others: string[]): Set<string> {
    this.#note(reason);
    return new Set(others);
  }

  #note(reason: string): void {
    if (this.reasons.size < MAX_REASONS) this.reasons.add(reason);
  }

  async #index(id: string): Promise<VersionIndex> {
    const known = this.#known.get(id);
    if (known !== undefined) return known;
    const releases = await this.#input.releases(id);
    const index = new VersionIndex(releases, (release) => this.#refusal(id, release), this.#meter);
    this.#known.set(id, index);
    return index;
  }

  /** Why a version cannot be chosen whatever else is. */
  #refusal(id: string, release: Release): string | null {
    const { version, manifest } = release;
    const refused = this.#input.refuses?.(id, version) ?? null;
    if (refused !== null) return `${id} ${version} may not be chosen: ${refused}`;
    if (!semver.satisfies(this.#input.host, rangeOf(manifest.engines.plinth) ?? "<0", { includePrerelease: true }))
      return `${id} ${version} is for Plinth ${manifest.engines.plinth}, this is ${this.#input.host}`;
    for (const [other, range] of Object.entries(manifest.extensions ?? {})) {
      this.#meter.steps++;
      const fixed = this.#input.fixed.get(other);
      if (fixed !== undefined && !(this.#known.get(other) as VersionIndex).takes(range, 0))
        return `${id} ${version} needs ${other} ${range}, but ${other} ${fixed.version} is part of the product`;
    }
    return this.#fixed.alone(id, release) ?? this.#fixed.clash(id, release)?.problem ?? null;
  }
}

function conflict({ wanted }: SolveInput, reasons: ReadonlySet<string>): PlinthError {
  const report = [...reasons].slice(-MAX_REPORT);
  const asked = wanted.map(({ id, range }) => `${id} ${range}`).slice(0, 6);
  if (report.length > 0 && report.every((line) => line.startsWith(UNKNOWN))) {
    return new PlinthError("PLINTH_DEPENDENCY_MISSING", `${report.join("; ")}.`.replace(/^n/, "N"), {
      next: "Check its name, or add the marketplace that has it.",
      details: { report },
    });
  }
  return new PlinthError(
    "PLINTH_VERSION_CONFLICT",
    `No set of versions fits ${asked.join(", ")}:\n${report.map((line) => `  - ${line}`).join("\n")}`,
    {
      next: "Ask for another version of one of these, or uninstall what stands in the way; `plinth plugins why ID` says who needs what.",
      details: { report },
    },
  );
}

function tooHard(ids: readonly string[]): PlinthError {
  const last = ids.slice(-4).join(", ");
  return new PlinthError("PLINTH_VERSION_CONFLICT", `No set of versions was found in bounded time; the last tries were about versions of ${last}.`, {
    next: "Ask for exact versions of some of these, and tell their publishers.",
  });
}
