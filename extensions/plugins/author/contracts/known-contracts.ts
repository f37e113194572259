import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { errorInfo, type Manifest, PlinthError } from "@plinth/sdk";

/** What of a manifest says what an extension's contracts are. */
export type Definer = Pick<Manifest, "id" | "version" | "title" | "description" | "license" | "engines" | "defines">;
export type Definition = NonNullable<Manifest["defines"]>[number];

/** Where a project keeps what others define: one manifest each, without what is about their code. */
export const FOLDER = "contracts";

/** Of a manifest, what others have to know to provide or use its contracts. */
export function definerOf({ id, version, title, description, license, engines, defines }: Manifest): Definer {
  return { id, version, title, description, ...(license === undefined ? {} : { license }), engines, ...(defines === undefined ? {} : { defines }) };
}

/** The extensions whose contracts a project keeps in `contracts/`. @throws PLINTH_MANIFEST_INVALID with the file's name. */
export async function readDefiners(dir: string): Promise<Definer[]> {
  const { assertManifest } = await import("@plinth/registry");
  const names = (await readdir(join(dir, FOLDER)).catch(() => [])).filter((name) => name.endsWith(".json")).sort();
  return Promise.all(
    names.map(async (name) => {
      const path = join(dir, FOLDER, name);
      const next = "Write it anew with `plinth contract add`.";
      try {
        return definerOf(await assertManifest(JSON.parse(await readFile(path, "utf8")), path));
      } catch (error) {
        const { message } = errorInfo(error);
        throw new PlinthError("PLINTH_MANIFEST_INVALID", error instanceof SyntaxError ? `${path} is not JSON: ${message}.` : message, { next });
      }
    }),
  );
}

/** Each contract that is not the product's and that this project knows, its own included; of several majors the one it speaks. */
export async function knownContracts(dir: string, manifest: Manifest): Promise<Definition[]> {
  const all = [...(manifest.defines ?? []), ...(await readDefiners(dir)).flatMap(({ defines = [] }) => defines)];
  const speaks = new Map((manifest.provides ?? []).map(({ contract, version }) => [contract, majorOf(version)]));
  const best = new Map<string, Definition>();
  for (const one of all) {
    const other = best.get(one.id);
    const wanted = speaks.get(one.id);
    if (
      other === undefined ||
      (majorOf(other.version) !== wanted && (majorOf(one.version) === wanted || majorOf(one.version) > majorOf(other.version)))
    )
      best.set(one.id, one);
  }
  return [...best.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** Contracts of others that a manifest names and nobody defines in sight. */
export function unknownContracts(manifest: Manifest, known: readonly Definition[]): string[] {
  const named = [...(manifest.provides ?? []), ...(manifest.uses ?? [])].map(({ contract }) => contract);
  return [...new Set(named)].filter((contract) => !contract.startsWith("plinth.") && !known.some(({ id }) => id === contract)).sort();
}

/** The extension whose contract it is: a contract's id starts with it. */
const definerId = (contract: string): string => contract.split(".").slice(0, 2).join(".");

const majorOf = (version: string): number => Number.parseInt(version, 10);

/** What brings a contract of others into a project. */
export const addCommand = (contract: string): string => `plinth contract add ${definerId(contract)}`;
