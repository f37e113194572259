import { readFile, stat } from "node:fs/promises";
import { errorInfo, PlinthError } from "@plinth/sdk";
import { type Author, answer, type CommandInput, pathOf, type TerminalItem, word } from "../command.ts";
import { sdkOf } from "../pack.ts";
import { progress } from "../style.ts";
import { type Preview, previewOf, shownPreview, type Verdict } from "./preview.ts";
import { type FoundKey, knownKey, publisherKey } from "./publisher-key.ts";
import { chooseRegistry, type Registry, serviceOf, tokenFor } from "./registry-choice.ts";

interface Done {
  id: string;
  version: string;
  size: number;
  integrity: string;
  keyId: string;
  newPublisher: boolean;
}

/** `plinth publish [DIR|TGZ]`: signed and listed in a folder or by a service, or nothing at all. */
export async function* publishPackage(author: Author, input: CommandInput, signal: AbortSignal): AsyncIterable<TerminalItem> {
  const { readPackageManifest } = await import("@plinth/registry");
  const registry = await chooseRegistry(author, input);
  const tarball = await tarballOf(author, input);
  const publisher = (await readPackageManifest(tarball)).id.split(".")[0]!;
  if (input.options["dry-run"] === true) {
    const preview = await previewOf(tarball, await knownKey(author, input, publisher), author.product.version);
    const verdict = await verdictOf(author, input, registry, tarball, preview, signal);
    yield answer(input, { dryRun: true, registry: placeOf(registry), ...preview, ...verdict }, shownPreview(preview, placeOf(registry), verdict));
    if (verdict.registryWould?.accept === false) yield { exit: 1 };
    return;
  }
  const found = await publisherKey(author, input, publisher, true);
  if (found.made && !input.terminal.json) {
    yield { out: `Made a key for ${publisher} in ${found.file}. Keep it: only it can publish for ${publisher}.\n` };
  }
  const done =
    registry.kind === "folder" ? await intoFolder(registry.folder, tarball, found) : await toService(author, input, tarball, found, signal);
  yield* progress(input, "");
  const { id, version, size, integrity, keyId, newPublisher } = done;
  const place = placeOf(registry);
  yield answer(input, { id, version, size, integrity, keyId, registry: place, newPublisher, ...(found.made ? { madeKey: found.file } : {}) }, [
    `Published ${id} ${version} ${registry.kind === "folder" ? "into" : "at"} ${place}`,
    `  size       ${size} bytes`,
    `  integrity  ${integrity}`,
    `  key        ${keyId}${newPublisher ? ` (first of ${publisher} here; from now on only this key publishes for it)` : ""}`,
  ]);
}

async function tarballOf({ product }: Author, input: CommandInput): Promise<Buffer> {
  const { packExtension } = await import("@plinth/registry");
  const path = pathOf(input, word(input.args, "package"));
  const found = await stat(path).catch(() => {
    throw new PlinthError("PLINTH_PACKAGE_MISSING", `There is nothing at ${path}.`, { next: "Name an extension's folder or its tarball." });
  });
  return found.isDirectory() ? (await packExtension(path, sdkOf(product.sdk()))).tarball : readFile(path);
}

async function intoFolder(folder: string, tarball: Buffer, { key }: FoundKey): Promise<Done> {
  const { publish } = await import("@plinth/registry");
  return publish({ registry: folder, tarball, key });
}

/** A publisher that the service does not know yet is registered with its key, for whoever the token belongs to. */
async function toService(author: Author, input: CommandInput, tarball: Buffer, { key }: FoundKey, signal: AbortSignal): Promise<Done> {
  const { publishRemotely, registerPublisher } = await import("@plinth/registry");
  const service = await serviceOf(author, input, signal);
  try {
    return { ...(await publishRemotely(service, tarball, key)), newPublisher: false };
  } catch (error) {
    if (errorInfo(error).code !== "PLINTH_PUBLISHER_UNKNOWN") throw error;
    await registerPublisher(service, key);
    return { ...(await publishRemotely(service, tarball, key)), newPublisher: true };
  }
}

/** What the registry would say: a folder by what it holds, a service when there are a key and a token to ask it with. */
async function verdictOf(
  author: Author,
  input: CommandInput,
  registry: Registry,
  tarball: Buffer,
  preview: Preview,
  signal: AbortSignal,
): Promise<Verdict> {
  const { publishRemotely, RegistryClient } = await import("@plinth/registry");
  const { id, version, keyFile } = preview;
  const publisher = id.split(".")[0]!;
  if (registry.kind === "folder") {
    const client = new RegistryClient({ name: "folder", url: registry.folder, pins: { get: () => undefined, set: () => {} } });
    const versions = await client.versions(id).catch(() => []);
    if (!versions.some((one) => one.version === version)) return {};
    const message = `${id} ${version} is published already, and versions never change.`;
    return { registryWould: { accept: false, code: "PLINTH_VERSION_EXISTS", message } };
  }
  if (keyFile === undefined || (await tokenFor(author, registry.url)) === undefined) return {};
  const { key } = await publisherKey(author, input, publisher, false);
  try {
    await publishRemotely(await serviceOf(author, input, signal), tarball, key, { dryRun: true });
    return { registryWould: { accept: true } };
  } catch (error) {
    const { code, message } = errorInfo(error);
    if (code === "PLINTH_PUBLISHER_UNKNOWN")
      return { registryWould: { accept: true, code, message: `${publisher} would be registered with this key.` } };
    return { registryWould: { accept: false, code, message } };
  }
}

const placeOf = (registry: Registry): string => (registry.kind === "folder" ? registry.folder : registry.url);
