import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { manifestInvalid, parseManifest } from "../check/manifest.ts";
import { missingEntry, NO_ENTRY } from "../check/needs-entry.ts";
import type { Candidate } from "../contracts/host/host-admin.ts";
import type { Grant } from "../contracts/host/state.ts";
import { consentHash, treeDigest } from "../digest.ts";
import { errors } from "../errors.ts";
import { isOwnPackage, type OwnExtensions } from "../plan/ours.ts";
import { describePowers } from "../powers.ts";
import type { Manifest } from "../schema/extension.ts";
import type { CatalogRecord } from "./installed.ts";
import { keptFor } from "./kept-data.ts";

/**
 * An unpacked package as a record of what could be installed. None of its code runs.
 *
 * @throws PLINTH_PRODUCT_DIFFERS for other bytes under the id of one of the product's own packages.
 */
export async function readPackage(dir: string, product: OwnExtensions = {}): Promise<CatalogRecord> {
  const text = await readFile(join(dir, "plinth.json"), "utf8").catch(() => {
    throw manifestInvalid("the package", "", "it has no plinth.json");
  });
  const manifest = parseManifest(text, "the package");
  const codeless = missingEntry(manifest);
  if (codeless !== undefined) throw manifestInvalid(manifest.id, `/provides/${codeless.at}/contract`, `${codeless.contract} ${NO_ENTRY}`);
  if (manifest.entry !== undefined) {
    const found = await stat(join(dir, manifest.entry)).catch(() => null);
    if (!found?.isFile()) throw manifestInvalid(manifest.id, "/entry", `${manifest.entry} is not in the package`);
  }
  const { digest } = await treeDigest(manifest.id, dir);
  if (isOwnPackage(product, manifest.id, digest)) return { manifest, digest, dir, bundled: false, own: true };
  if (Object.hasOwn(product.packages ?? {}, manifest.id)) throw errors.notOurs(manifest.id);
  return { manifest, digest, dir, bundled: false };
}

/** What installing it means, for whoever is to consent: what it asks for, and what of that is new. */
export function candidateOf(
  { manifest, digest }: CatalogRecord,
  existing: CatalogRecord | undefined,
  grant: Grant | undefined,
  home: string,
): Candidate {
  const { id, version } = manifest;
  const asks = describePowers(manifest);
  const hash = consentHash(manifest, digest);
  const before = grant?.asks;
  return {
    id,
    version,
    digest,
    manifest,
    consent: {
      hash,
      granted: existing !== undefined && grant?.consent === hash,
      asks,
      widens: before === undefined ? [] : asks.filter((one) => !before.includes(one)),
    },
    ...(existing === undefined ? { kept: keptFor(home, id) } : { replaces: existing.manifest.version }),
  };
}

/** What an owner allows by consenting to it. `stays`: it comes from the party that it came from before. */
export function grantOf({ version, digest, manifest, consent }: Candidate, before: Grant | undefined, by: string, stays: boolean): Grant {
  const { scope, expiresAt = 0, chosen, pins } = before ?? {};
  return {
    consent: consent.hash,
    digest,
    version,
    at: Date.now(),
    by,
    permissions: (manifest as Manifest).permissions ?? {},
    asks: consent.asks,
    // An update is no way out of what an owner narrowed; an end that has passed is what this consent is about.
    ...(scope === undefined ? {} : { scope }),
    ...(expiresAt > Date.now() ? { expiresAt } : {}),
    // Whom an owner chose to decide in place of the product, or trusts with secrets in programs, was that party, and nobody else.
    ...(chosen === undefined || !stays ? {} : { chosen }),
    ...(pins === undefined || !stays ? {} : { pins }),
  };
}
