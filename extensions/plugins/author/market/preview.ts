import type { Finding } from "@plinth/registry";
import { bytes, columns, printable } from "../style.ts";
import type { FoundKey } from "./publisher-key.ts";

export interface Preview {
  id: string;
  version: string;
  size: number;
  integrity: string;
  files: { name: string; size: number }[];
  /** In words. */
  powers: string[];
  findings: Finding[];
  /** Undefined: it will be made. */
  keyId?: string;
  keyFile?: string;
}

/** Absent: the registry was not asked. */
export interface Verdict {
  registryWould?: { accept: boolean; code?: string; message?: string };
}

/** What would be sent, by looking at the tarball alone. */
export async function previewOf(tarball: Buffer, found: FoundKey | undefined, plinth: string): Promise<Preview> {
  const { describePowers, integrityOf, readArchive, readPackageManifest, scanPackage, versionNotes } = await import("@plinth/registry");
  const manifest = await readPackageManifest(tarball);
  const files = await readArchive(tarball);
  return {
    id: manifest.id,
    version: manifest.version,
    size: tarball.length,
    integrity: integrityOf(tarball),
    files: [...files].map(([name, { length }]) => ({ name, size: length })),
    powers: describePowers(manifest),
    findings: [
      ...versionNotes(manifest, plinth).map((message): Finding => ({ capability: "text", level: "warning", message, file: "plinth.json" })),
      ...(await scanPackage(manifest, files)),
    ],
    ...(found === undefined ? {} : { keyId: found.key.keyId, keyFile: found.file }),
  };
}

export function shownPreview(preview: Preview, place: string, { registryWould }: Verdict): string[] {
  const { id, version, size, integrity, files, powers, findings, keyId, keyFile } = preview;
  const told = findings.map(
    ({ level, message, file, line }) => `${level}: ${file ?? "the package"}${line === undefined ? "" : `:${line}`} ${message}`,
  );
  const { accept, code, message = "" } = registryWould ?? {};
  const verdict = accept
    ? `The registry would take it. ${printable(message)}`.trimEnd()
    : `The registry would refuse it: ${code}: ${printable(message)}`;
  return [
    `Would publish ${id} ${version} to ${place}. Nothing was sent.`,
    `  size       ${size} bytes`,
    `  integrity  ${integrity}`,
    `  key        ${keyId === undefined ? "none yet; it is made when you publish" : `${keyId} in ${keyFile}`}`,
    "Files",
    ...columns(files.map(({ name, size: length }) => [`  ${bytes(length).padStart(9)}`, name])),
    "It may",
    ...(powers.length === 0 ? ["  nothing beyond its own code"] : powers.map((power) => `  ${power}`)),
    "Checks",
    ...(told.length === 0 ? ["  nothing to tell"] : told.map((line) => `  ${printable(line)}`)),
    ...(registryWould === undefined ? [] : [verdict]),
  ];
}
