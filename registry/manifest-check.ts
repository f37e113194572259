import type { Manifest } from "@plinth/manifests";
import { missingEntry, NO_ENTRY } from "@plinth/manifests/check/needs-entry.ts";
import contractData from "@plinth/manifests/generated/contracts.js";
import { nearNames } from "@plinth/manifests/near-names.ts";
import { PlinthError } from "@plinth/manifests/wire/error.ts";
import semver from "semver";
import { descriptorProblems, documentProblems, type Problem, problemLine } from "./schemas.ts";

/** All that is wrong with a manifest, as far as it shows without code: its shape, its ranges, its descriptors. */
export async function manifestProblems(value: unknown): Promise<Problem[]> {
  const problems = await documentProblems("Manifest", value);
  if (problems.length > 0) return problems;
  const manifest = value as Manifest;
  problems.push(...rangeProblems(manifest));
  problems.push(...(await contractProblems(manifest)));
  return problems;
}

/** The same, as an error that names each problem. */
export async function assertManifest(value: unknown, where: string): Promise<Manifest> {
  const problems = await manifestProblems(value);
  if (problems.length === 0) return value as Manifest;
  throw new PlinthError("PLINTH_MANIFEST_INVALID", `${where} is not valid: ${problems.map(problemLine).join("; ").replace(/[^?]$/, "$&.")}`, {
    next: "Correct plinth.json at the named place.",
    details: { problems },
  });
}

function rangeProblems(manifest: Manifest): Problem[] {
  const ranges: [string, string][] = [
    ["engines.plinth", manifest.engines.plinth],
    ...(manifest.uses ?? []).map((use, index): [string, string] => [`uses[${index}].range`, use.range]),
    ...Object.entries(manifest.extensions ?? {}).map(([id, range]): [string, string] => [`extensions["${id}"]`, range]),
  ];
  const problems: Problem[] = [];
  if (semver.valid(manifest.version) === null) problems.push({ path: "version", message: "is not an exact semver version" });
  for (const [path, range] of ranges) {
    if (semver.validRange(range) === null) problems.push({ path, message: `is not a semver range: ${JSON.stringify(range)}` });
  }
  return problems;
}

async function contractProblems(manifest: Manifest): Promise<Problem[]> {
  const contracts = contractData as { id: string; hooks: object }[];
  const known = new Set(contracts.map(({ id }) => id));
  const hooks = new Set(contracts.flatMap((contract) => Object.keys(contract.hooks)));
  const problems: Problem[] = [];
  const seen = new Set<string>();
  for (const [index, { contract, id, descriptor }] of (manifest.provides ?? []).entries()) {
    const path = `provides[${index}]`;
    if (seen.has(`${contract} ${id}`)) problems.push({ path: `${path}.id`, message: `is there twice: ${id}` });
    seen.add(`${contract} ${id}`);
    if (known.has(contract)) {
      for (const problem of await descriptorProblems(contract, descriptor)) {
        problems.push({ ...problem, path: `${path}.descriptor${problem.path === "" ? "" : `.${problem.path}`}` });
      }
    } else if (contract.startsWith("plinth.")) problems.push(unknown(`${path}.contract`, contract, known.keys()));
  }
  for (const [index, { contract }] of (manifest.uses ?? []).entries()) {
    if (contract.startsWith("plinth.") && !known.has(contract)) problems.push(unknown(`uses[${index}].contract`, contract, known.keys()));
  }
  const codeless = missingEntry(manifest);
  if (codeless !== undefined) problems.push({ path: `provides[${codeless.at}].contract`, message: `${codeless.contract} ${NO_ENTRY}` });
  const own = new Set((manifest.defines ?? []).flatMap(({ hooks: defined }) => Object.keys(defined ?? {})));
  for (const [index, { on }] of (manifest.hooks ?? []).entries()) {
    // A hook of somebody else's contract cannot be known here; a near miss of a known one can.
    if (hooks.has(on) || own.has(on)) continue;
    const problem = unknown(`hooks[${index}].on`, on, hooks);
    if (problem.suggestion !== undefined) problems.push(problem);
  }
  return problems;
}

/** What lets it be installed on no host, or not on those of this version: an author hears it, a registry decides nothing by it. */
export function versionNotes({ engines, provides = [] }: Manifest, plinth: string): string[] {
  const notes: string[] = [];
  if (!semver.satisfies(plinth, engines.plinth, { includePrerelease: true }))
    notes.push(`engines.plinth ${engines.plinth} does not take in this Plinth, ${plinth}: it cannot be installed here.`);
  for (const { contract, id, version } of provides) {
    const known = (contractData as { id: string; version: string }[]).filter((one) => one.id === contract).map((one) => one.version);
    const isKnown = known.some((one) => semver.major(one) === semver.major(version) && semver.gte(one, version));
    if (known.length > 0 && !isKnown)
      notes.push(`${contract} ${id} says version ${version}; here the contract is of version ${known.join(" and ")}.`);
  }
  return notes;
}

function unknown(path: string, name: string, names: Iterable<string>): Problem {
  const [suggestion] = nearNames(name, names, 1);
  return { path, message: `names something unknown: ${name}`, ...(suggestion === undefined ? {} : { suggestion }) };
}
