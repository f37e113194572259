import { canonicalJson } from "../canonical-json.ts";
import { errors } from "../errors.ts";
import type { Manifest } from "../schema/extension.ts";
import type { PlinthError } from "../wire/error.ts";
import type { SchemaGuard } from "./guard.ts";

interface Configured {
  readonly manifest: Manifest;
  readonly digest: string;
  readonly bundled: boolean;
}

/** Holds each extension's configuration against its schema. A pair that was found good stays good: nothing about it changes. */
export class Configs {
  readonly #guard: SchemaGuard;
  readonly #good = new Map<string, string>();

  constructor(guard: SchemaGuard) {
    this.#guard = guard;
  }

  /** Problems by extension id. `configOf` gives what the file `file` says for one, undefined for nothing. */
  async check(records: readonly Configured[], file: string, configOf: (id: string) => object | undefined): Promise<Map<string, PlinthError>> {
    const problems = new Map<string, PlinthError>();
    for (const record of records) {
      const found = await this.#problem(record, file, configOf(record.manifest.id));
      if (found !== null) problems.set(record.manifest.id, found);
    }
    return problems;
  }

  async #problem({ manifest, digest, bundled }: Configured, file: string, config: object | undefined): Promise<PlinthError | null> {
    const where = `extensions["${manifest.id}"].config`;
    if (config === undefined) return null;
    if (manifest.config === undefined) {
      const [key] = Object.keys(config);
      const path = `/extensions/${manifest.id}/config/${key}`;
      return key === undefined ? null : errors.configInvalid(file, `${where}/${key}`, "it takes no configuration", { path });
    }
    const key = `${digest} ${canonicalJson(config)}`;
    if (this.#good.get(manifest.id) === key) return null;
    try {
      const [first] = await this.#guard.validate(manifest.config, config);
      const path = `/extensions/${manifest.id}/config${first?.path}`;
      if (first !== undefined) return errors.configInvalid(file, `${where}${first.path}`, first.message, { path });
      this.#good.set(manifest.id, key);
      return null;
    } catch (thrown) {
      // The product's own schemas are usable: it is the checker that failed, and that is no reason to leave them out.
      return bundled ? null : errors.configInvalid(file, where, (thrown as Error).message);
    }
  }
}
