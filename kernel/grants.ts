import { readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import type { Grant, Manifest } from "@plinth/manifests";
import { consentHash } from "@plinth/manifests/digest.ts";
import type { WorkData } from "@plinth/manifests/wire/bridge.ts";
import { writeAtomic } from "./config.ts";
import { errors, type PlinthError } from "./errors.ts";

const NOTHING: Partial<Grant> = {};

/** What owners allowed. An extension runs only while a grant covers exactly what it is, and only where that holds. */
export class Grants {
  readonly #file: string;
  #grants = new Map<string, Grant>();

  constructor(home: string) {
    this.#file = join(home, "grants.json");
  }

  async load(): Promise<void> {
    try {
      const parsed = JSON.parse(await readFile(this.#file, "utf8")) as { grants?: Record<string, Grant> };
      this.#grants = new Map(Object.entries(parsed.grants ?? {}));
    } catch (thrown) {
      // Without a readable file nothing is granted: every third-party extension waits for consent.
      if ((thrown as NodeJS.ErrnoException).code === "ENOENT") return;
      await rename(this.#file, `${this.#file}.bad`);
      throw errors.corrupt(this.#file, (thrown as Error).message);
    }
  }

  get(id: string): Grant | undefined {
    return this.#grants.get(id);
  }

  get all(): ReadonlyMap<string, Grant> {
    return this.#grants;
  }

  covers(manifest: Manifest, digest: string): boolean {
    const grant = this.#grants.get(manifest.id);
    return grant !== undefined && this.wouldCover(grant, manifest, digest);
  }

  wouldCover(grant: Grant, manifest: Manifest, digest: string): boolean {
    return grant.consent === consentHash(manifest, digest);
  }

  /** Why the grant does not hold in this work; null where it does. Without a grant the plan leaves the extension out. */
  refuses(id: string, work: WorkData | undefined): PlinthError | null {
    const { scope, expiresAt } = this.#grants.get(id) ?? NOTHING;
    if (scope === undefined && expiresAt === undefined) return null;
    if (expiresAt !== undefined && expiresAt <= Date.now()) return errors.grantExpired(id, expiresAt);
    for (const [label, value] of Object.entries(scope ?? {}))
      if (work?.principal.scope?.[label] !== value) return errors.outOfScope(id, `${label} ${value}`);
    return null;
  }

  /** An owner chose it once as a provider of this contract. */
  chose(id: string, contract: string): boolean {
    return this.#grants.get(id)?.chosen?.includes(contract) === true;
  }

  async set(id: string, grant: Grant | undefined): Promise<void> {
    if (grant === undefined) this.#grants.delete(id);
    else this.#grants.set(id, grant);
    const sorted = Object.fromEntries([...this.#grants].sort(([a], [b]) => (a < b ? -1 : 1)));
    await writeAtomic(this.#file, `${JSON.stringify({ grants: sorted }, null, 2)}\n`);
  }
}
