import { PlinthError } from "@plinth/manifests/wire/error.ts";
import semver from "semver";

export interface NpmQuestion {
  /** The registry's document of the package, as it came. */
  bytes: Uint8Array;
  name: string;
  /** A tag, or a semver range. */
  wanted: string;
}

export interface NpmVersion {
  version: string;
  /** As the registry says; where it leads is for whoever fetches it to check. */
  tarball: string;
  /** The sha512 of the tarball. */
  integrity: string;
}

type Fields = Record<string, unknown>;

/**
 * The version of an npm package that fits, as npm chooses: what `latest` names if it fits, else the highest, and
 * deprecated ones only where there is no other.
 *
 * @throws PLINTH_PACKAGE_UNKNOWN, PLINTH_REGISTRY_INVALID, PLINTH_INTEGRITY when no sha512 is given.
 */
export function chooseNpmVersion({ bytes, name, wanted }: NpmQuestion): NpmVersion {
  const document = documentOf(bytes, name);
  // An alias: one package under another one's name.
  if (document.name !== name) throw invalid(name, "it is about another package");
  const versions = fieldsOf(document.versions);
  const tags = fieldsOf(document["dist-tags"]);
  const version = Object.hasOwn(tags, wanted) ? tags[wanted] : highest(versions, tags, wanted);
  if (version === undefined) throw unknown(name, wanted);
  if (typeof version !== "string" || semver.valid(version) !== version || !Object.hasOwn(versions, version)) {
    throw invalid(name, `what it names ${JSON.stringify(wanted)} is none of its versions`);
  }
  const entry = fieldsOf(versions[version]);
  if (entry.name !== name || entry.version !== version) throw invalid(name, `version ${version} is another package's`);
  const { tarball, integrity } = fieldsOf(entry.dist);
  if (typeof tarball !== "string" || tarball.length > 2_048) throw invalid(name, `version ${version} names no tarball`);
  const sha512 = typeof integrity === "string" ? integrity.split(/\s+/).find((one) => /^sha512-[A-Za-z0-9+/]{86}==$/.test(one)) : undefined;
  if (sha512 === undefined) {
    throw new PlinthError("PLINTH_INTEGRITY", `The registry gives no sha512 of ${name}@${version}.`, { next: "Use a registry that does." });
  }
  return { version, tarball, integrity: sha512 };
}

function highest(versions: Fields, tags: Fields, wanted: string): string | undefined {
  const range = semver.validRange(wanted) === null ? undefined : new semver.Range(wanted);
  if (range === undefined) return undefined;
  const { latest } = tags;
  if (typeof latest === "string" && Object.hasOwn(versions, latest) && range.test(latest)) return latest;
  const fitting = Object.keys(versions).flatMap((text) => {
    const parsed = semver.parse(text);
    return parsed !== null && range.test(parsed) ? [{ text, parsed, isOld: fieldsOf(versions[text]).deprecated !== undefined }] : [];
  });
  fitting.sort((a, b) => Number(a.isOld) - Number(b.isOld) || b.parsed.compare(a.parsed));
  return fitting[0]?.text;
}

function documentOf(bytes: Uint8Array, name: string): Fields {
  try {
    return fieldsOf(JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8")));
  } catch {
    throw invalid(name, "it is not JSON");
  }
}

const fieldsOf = (value: unknown): Fields => (typeof value === "object" && value !== null ? (value as Fields) : {});

const unknown = (name: string, wanted: string): PlinthError =>
  new PlinthError("PLINTH_PACKAGE_UNKNOWN", `${name} has no version ${JSON.stringify(wanted)}.`, {
    next: `\`npm view ${name} versions\` lists them.`,
  });

const invalid = (name: string, why: string): PlinthError =>
  new PlinthError("PLINTH_REGISTRY_INVALID", `What the registry says of ${name} was refused: ${why}.`, { next: "Tell who runs the registry." });
