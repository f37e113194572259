import { mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { type Manifest, PlinthError } from "@plinth/sdk";
import { type Author, answer, type CommandInput, pathOf, type TerminalItem, word } from "../command.ts";
import { chooseRegistry } from "../market/registry-choice.ts";
import { writeTypes } from "../types.ts";
import { definerOf, FOLDER } from "./known-contracts.ts";

/**
 * `plinth contract add SOURCE`: keep the contracts that another extension defines in this project, so that it can be written,
 * type-checked, tested and tried without that extension's code; and need that extension from now on.
 */
export async function* addContract(author: Author, input: CommandInput, signal: AbortSignal): AsyncIterable<TerminalItem> {
  const { readManifest } = await import("@plinth/registry");
  const dir = pathOf(input, word(input.options, "to"));
  const own = await readManifest(dir);
  const found = await findManifest(author, input, word(input.args, "source") ?? "", signal);
  const definer = definerOf(found);
  const { id, version, defines = [] } = definer;
  if (id === own.id)
    throw new PlinthError("PLINTH_CONTRACT_OWN", `${id} is this extension.`, { next: "Its own contracts need no copy: run `plinth types`." });
  if (defines.length === 0) {
    throw new PlinthError("PLINTH_CONTRACT_NONE", `${id} ${version} defines no contract.`, {
      next: "Name the extension whose id the contract's id begins with.",
    });
  }
  const file = join(dir, FOLDER, `${id}.json`);
  await mkdir(join(dir, FOLDER), { recursive: true });
  await writeFile(file, `${JSON.stringify(definer, null, 2)}\n`);
  const needs = await need(dir, id, version);
  const manifest = await readManifest(dir);
  const types = manifest.entry === undefined ? undefined : await writeTypes(dir, manifest);
  const named = defines.map((one) => `${one.id} ${one.version}`);
  const shown = (path: string) => relative(input.terminal.cwd, path);
  yield answer(input, { id, version, file, contracts: defines.map((one) => ({ id: one.id, version: one.version })), needs }, [
    `${shown(file)} holds what ${id} ${version} defines: ${named.join(", ")}.`,
    ...(needs ? [`${shown(join(dir, "plinth.json"))} needs ${id} from now on, under \`extensions\`.`] : []),
    ...(types?.changed ? [`Wrote ${shown(types.file)}.`] : []),
    ...(isNamed(manifest, defines) ? [] : ["Next: name a contract under `provides` or `uses` in plinth.json, then run `plinth types`."]),
  ]);
}

const isNamed = ({ provides = [], uses = [] }: Manifest, defines: readonly { id: string }[]): boolean =>
  [...provides, ...uses].some(({ contract }) => defines.some(({ id }) => id === contract));

/** Of a folder, a tarball, or a package of a registry. */
async function findManifest(author: Author, input: CommandInput, source: string, signal: AbortSignal): Promise<Manifest> {
  const { readManifest, readPackageManifest } = await import("@plinth/registry");
  const path = pathOf(input, source);
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory()) return readManifest(path);
  if (found?.isFile()) return readPackageManifest(await readFile(path));
  const [, id, range] = /^([a-z][a-z0-9-]*\.[a-z][a-z0-9-]*)(?:@(.+))?$/.exec(source) ?? [];
  if (id !== undefined) return published(author, input, id, range, signal);
  throw new PlinthError("PLINTH_PACKAGE_MISSING", `There is nothing at ${path}.`, {
    next: "Name an extension's folder, its tarball, or its id in a registry, such as acme.voices.",
  });
}

async function published(author: Author, input: CommandInput, id: string, range: string | undefined, signal: AbortSignal): Promise<Manifest> {
  const { RegistryClient, readPackageManifest } = await import("@plinth/registry");
  const registry = await chooseRegistry(author, input);
  const url = registry.kind === "folder" ? registry.folder : registry.url;
  // Data only, which is checked as every manifest is, and read before anybody uses it: no publisher is pinned by it.
  const client = new RegistryClient({ name: url, url, pins: { get: () => undefined, set: () => {} } });
  const { version } = await client.resolve(id, range, { signal });
  return readPackageManifest((await client.download(id, version, { signal })).bytes);
}

/** Name it under `extensions`, as little of the file changed as can be. False when it stands there already. */
async function need(dir: string, id: string, version: string): Promise<boolean> {
  const path = join(dir, "plinth.json");
  const text = await readFile(path, "utf8");
  const manifest = JSON.parse(text) as Manifest;
  if (manifest.extensions !== undefined && Object.hasOwn(manifest.extensions, id)) return false;
  const wanted = { ...manifest, extensions: { ...manifest.extensions, [id]: `^${version}` } };
  const entry = `${JSON.stringify(id)}: ${JSON.stringify(`^${version}`)}`;
  const edited =
    manifest.extensions === undefined
      ? text.replace(/^( *)"engines": *\{[^{}]*\},$/m, (line, indent: string) => `${line}\n${indent}"extensions": { ${entry} },`)
      : text.replace(/^( *"extensions": *\{)(?=\s*")/m, (start) => `${start} ${entry},`);
  await writeFile(path, holds(edited, wanted) ? edited : `${JSON.stringify(wanted, null, 2)}\n`);
  return true;
}

function holds(text: string, wanted: object): boolean {
  try {
    return isDeepStrictEqual(JSON.parse(text), wanted);
  } catch {
    return false;
  }
}
