import type { Grant, Manifest } from "@plinth/manifests";
import { consentHash } from "@plinth/manifests/digest.ts";
import type { WorkData } from "@plinth/manifests/wire/bridge.ts";
import { errors, type PlinthError } from "./errors.ts";

const NOTHING: Partial<Grant> = {};

/** What owners allowed. An extension runs only while a grant covers exactly what it is, and only where that holds. */
export class Grants {
  /** As committed with all else that says what is installed; replaced as a whole. */
  all: ReadonlyMap<string, Grant>;

  constructor(all: ReadonlyMap<string, Grant> = new Map()) {
    this.all = all;
  }

  get(id: string): Grant | undefined {
    return this.all.get(id);
  }

  /** All of them, with these set or taken back. */
  with(changes: Iterable<readonly [id: string, grant: Grant | undefined]>): Map<string, Grant> {
    const changed = new Map(this.all);
    for (const [id, grant] of changes) {
      if (grant === undefined) changed.delete(id);
      else changed.set(id, grant);
    }
    return changed;
  }

  covers(manifest: Manifest, digest: string): boolean {
    const grant = this.all.get(manifest.id);
    return grant !== undefined && this.wouldCover(grant, manifest, digest);
  }

  wouldCover(grant: Grant, manifest: Manifest, digest: string): boolean {
    return grant.consent === consentHash(manifest, digest);
  }

  /** Why the grant does not hold in this work; null where it does. Without a grant the plan leaves the extension out. */
  refuses(id: string, work: WorkData | undefined): PlinthError | null {
    const { scope, expiresAt } = this.all.get(id) ?? NOTHING;
    if (scope === undefined && expiresAt === undefined) return null;
    if (expiresAt !== undefined && expiresAt <= Date.now()) return errors.grantExpired(id, expiresAt);
    for (const [label, value] of Object.entries(scope ?? {}))
      if (work?.principal.scope?.[label] !== value) return errors.outOfScope(id, `${label} ${value}`);
    return null;
  }

  /** An owner chose it once as a provider of this contract. */
  chose(id: string, contract: string): boolean {
    return this.all.get(id)?.chosen?.includes(contract) === true;
  }
}
