import { readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import type { Manifest, Permissions } from "@plinth/manifests";
import { consentHash } from "@plinth/manifests/digest.ts";
import { writeAtomic } from "./config.ts";
import { errors } from "./errors.ts";

/** What an owner allowed one extension, bound to exactly what was shown. */
export interface Grant {
  consent: string;
  digest: string;
  version: string;
  at: number;
  by: string;
  permissions: Permissions;
  /** Everything that was asked for, in words: the base for telling what an update widens. */
  asks: string[];
}

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
    return this.#grants.get(manifest.id)?.consent === consentHash(manifest, digest);
  }

  async set(id: string, grant: Grant | undefined): Promise<void> {
    if (grant === undefined) this.#grants.delete(id);
    else this.#grants.set(id, grant);
    const sorted = Object.fromEntries([...this.#grants].sort(([a], [b]) => (a < b ? -1 : 1)));
    await writeAtomic(this.#file, `${JSON.stringify({ grants: sorted }, null, 2)}\n`);
  }
}
