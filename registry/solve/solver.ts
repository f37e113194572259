import { nearNames } from "@plinth/manifests/near-names.ts";
import { PlinthError } from "@plinth/manifests/wire/error.ts";
import semver from "semver";
import type { Chosen, Constraint, Release, SolveInput } from "./release.ts";

/** More than this many tries, and the question is refused instead of answered too late. */
const MAX_TRIES = 100_000;
const MAX_REPORT = 12;
const UNKNOWN = "nobody knows";

/**
 * Choose one version of each extension that is asked for or needed, so that all ranges hold: on extensions, on
 * contracts and on the host. Newest first, but what is preferred stays where it can. The same input gives the same
 * answer. Throws PLINTH_VERSION_CONFLICT with a report when there is none.
 *
 * Backtracking with conflict-directed backjumping (Prosser, 1993): a dead end names the choices that led into it.
 */
export async function solve(input: SolveInput): Promise<ReadonlyMap<string, Chosen>> {
  const search = new Search(input);
  const culprits = await search.next();
  if (culprits !== null) throw conflict(input, search.reasons);
  return search.result();
}

class Search {
  readonly #input: SolveInput;
  readonly #known = new Map<string, readonly Release[]>();
  readonly #chosen = new Map<string, Release>();
  /** Why versions were turned down, in the order found. */
  readonly reasons = new Set<string>();
  #tries = 0;

  constructor(input: SolveInput) {
    this.#input = input;
    for (const [id, release] of input.fixed) this.#chosen.set(id, release);
  }

  /** Choose for the next extension that needs it; null = everything is chosen, else the ids whose versions are to blame. */
  async next(): Promise<Set<string> | null> {
    const id = await this.#open();
    if (id === undefined) return this.#unmetContracts();
    const constraints = this.#constraints(id);
    const culprits = new Set(constraints.flatMap(({ by }) => by ?? []));
    for (const release of await this.#candidates(id, constraints)) {
      if (++this.#tries > MAX_TRIES) throw tooHard();
      const clash = this.#clash(id, release);
      if (clash !== null) {
        for (const other of clash) culprits.add(other);
        continue;
      }
      this.#chosen.set(id, release);
      const blamed = await this.next();
      if (blamed === null) return null;
      this.#chosen.delete(id);
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
      result.set(id, { release: this.#chosen.get(id) as Release, because: [...new Set(because)].sort() });
    }
    return result;
  }

  /** What was asked for comes first, as it was asked; then, of what is needed, the one with the fewest versions left. */
  async #open(): Promise<string | undefined> {
    const asked = this.#input.wanted.find(({ id }) => !this.#chosen.has(id));
    if (asked !== undefined) return asked.id;
    const needed = new Set<string>();
    for (const { manifest } of this.#chosen.values()) for (const id of Object.keys(manifest.extensions ?? {})) needed.add(id);
    let best: { id: string; left: number } | undefined;
    for (const id of [...needed].sort()) {
      if (this.#chosen.has(id)) continue;
      const constraints = this.#constraints(id);
      const left = (await this.#releases(id)).filter(({ version }) => constraints.every(({ range }) => admits(range, version))).length;
      if (best === undefined || left < best.left) best = { id, left };
    }
    return best?.id;
  }

  #constraints(id: string): Constraint[] {
    const found: Constraint[] = this.#input.wanted
      .filter((one) => one.id === id)
      .map(({ range, by }) => ({ range, by: null, said: `${by} asks for ${id} ${range}` }));
    for (const [other, { version, manifest }] of this.#chosen) {
      const range = manifest.extensions?.[id];
      if (range !== undefined) found.push({ range, by: other, said: `${other} ${version} needs ${id} ${range}` });
    }
    return found;
  }

  async #candidates(id: string, constraints: readonly Constraint[]): Promise<Release[]> {
    const all = await this.#releases(id);
    if (all.length === 0) this.#note(`${UNKNOWN} ${id}: ${constraints.map(({ said }) => said).join("; ")}`);
    const fit = all.filter(({ version }) => {
      const failed = constraints.find(({ range }) => !admits(range, version));
      const refused = failed === undefined ? (this.#input.refuses?.(id, version) ?? null) : null;
      if (refused !== null) this.#note(`${id} ${version} may not be chosen: ${refused}`);
      return failed === undefined && refused === null;
    });
    if (all.length > 0 && fit.length === 0 && constraints.length > 0) {
      const there = all.map(({ version }) => version).slice(0, 6);
      this.#note(`no version of ${id} fits: ${constraints.map(({ said }) => said).join("; ")} (there are ${there.join(", ")})`);
    }
    const preferred = this.#input.preferred.get(id);
    return fit.sort((a, b) => Number(b.version === preferred) - Number(a.version === preferred) || semver.rcompare(a.version, b.version));
  }

  /** The chosen ones that this version cannot be with; null = it fits. An empty set: it fits nowhere here. */
  #clash(id: string, release: Release): Set<string> | null {
    const { version, manifest } = release;
    const what = `${id} ${version}`;
    if (!semver.satisfies(this.#input.host, manifest.engines.plinth, { includePrerelease: true }))
      return this.#turnDown(`${what} is for Plinth ${manifest.engines.plinth}, this is ${this.#input.host}`);
    for (const [other, range] of Object.entries(manifest.extensions ?? {})) {
      const found = other === id ? release : this.#chosen.get(other);
      if (found !== undefined && !admits(range, found.version))
        return this.#turnDown(`${what} needs ${other} ${range}, but ${other} ${found.version} is chosen`, other, ...this.#wanters(other));
    }
    for (const [other, one] of [...this.#chosen, [id, release] as const]) {
      const problem = contractProblem(this.#input, [id, release], [other, one]) ?? contractProblem(this.#input, [other, one], [id, release]);
      if (problem !== null) return this.#turnDown(problem, other);
    }
    return null;
  }

  /** What only shows when all is chosen: a contract that nobody in the whole set defines. */
  #unmetContracts(): Set<string> | null {
    const defined = new Set([...this.#chosen.values()].flatMap(({ manifest }) => (manifest.defines ?? []).map((one) => one.id)));
    for (const [id, { version, manifest }] of this.#chosen) {
      if (this.#input.fixed.has(id)) continue;
      const needed = [...(manifest.uses ?? []).filter(({ optional }) => !optional), ...(manifest.provides ?? [])];
      const missing = needed.find(({ contract }) => !this.#input.contracts.has(contract) && !defined.has(contract));
      if (missing === undefined) continue;
      const near = nearNames(missing.contract, [...this.#input.contracts.keys(), ...defined])[0];
      this.#note(`${id} ${version} names the contract ${missing.contract}, which nothing here defines${near ? ` (is it ${near}?)` : ""}`);
      // Another version of any of them may need one that defines it.
      return new Set([...this.#chosen.keys()].filter((one) => !this.#input.fixed.has(one)));
    }
    return null;
  }

  /** Those that made it needed at all: with other versions of them it might not be there. */
  #wanters(id: string): string[] {
    return this.#constraints(id).flatMap(({ by }) => by ?? []);
  }

  #turnDown(reason: string, ...others: string[]): Set<string> {
    this.#note(reason);
    return new Set(others);
  }

  #note(reason: string): void {
    if (this.reasons.size < 200) this.reasons.add(reason);
  }

  async #releases(id: string): Promise<readonly Release[]> {
    let found = this.#known.get(id);
    if (found === undefined) this.#known.set(id, (found = await this.#input.releases(id)));
    return found;
  }
}

/** What `one` says about a contract that the product or `other` defines, if it does not hold. */
function contractProblem(
  { contracts }: SolveInput,
  [id, one]: readonly [string, Release],
  [other, definer]: readonly [string, Release],
): string | null {
  const defines = definer.manifest.defines ?? [];
  if (id !== other) {
    const twice = defines.find((theirs) => contracts.has(theirs.id) || one.manifest.defines?.some((own) => own.id === theirs.id));
    if (twice !== undefined) return `${other} ${definer.version} defines the contract ${twice.id}, which is defined already`;
  }
  const versionOf = (contract: string): string | undefined => contracts.get(contract) ?? defines.find((found) => found.id === contract)?.version;
  for (const { contract, range } of one.manifest.uses ?? []) {
    const version = versionOf(contract);
    if (version !== undefined && !semver.satisfies(version, range)) return `${id} ${one.version} uses ${contract} ${range}, but ${version} is here`;
  }
  for (const { contract, version } of one.manifest.provides ?? []) {
    const owners = versionOf(contract);
    if (owners !== undefined && (semver.major(version) !== semver.major(owners) || semver.gt(version, owners)))
      return `${id} ${one.version} provides ${contract} ${version}, but ${owners} is here`;
  }
  return null;
}

const admits = (range: string, version: string): boolean => semver.satisfies(version, range);

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

const tooHard = (): PlinthError =>
  new PlinthError("PLINTH_VERSION_CONFLICT", `No set of versions was found within ${MAX_TRIES.toLocaleString("en")} tries.`, {
    next: "Ask for exact versions of some of these.",
  });
