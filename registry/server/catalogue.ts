import { createHash } from "node:crypto";
import { copyFile, mkdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setImmediate } from "node:timers/promises";
import type { Advisory, PackageIndex, PackageVersion, Signature } from "@plinth/manifests";
import { PlinthError } from "@plinth/manifests/wire/error.ts";
import semver from "semver";
import { type AdmitOptions, addKey, admit, changeVersion, keysOf, type SignedPackage } from "../admission.ts";
import { LOCK_FILE, splitId, tarballPath } from "../layout.ts";
import { withLock } from "../publish-lock.ts";
import { RegistryFolder } from "../registry-folder.ts";
import type { Finding } from "../scan/index.ts";
import type { PublicKey } from "../signing.ts";
import { systemCode } from "../system-error.ts";
import { readAdvisories } from "../trust/feed.ts";
import type { Change, RegistryTrust } from "../trust/index.ts";
import { listingOf } from "./listing.ts";
import { assertPackageName } from "./look-alike.ts";
import type { PackageChecks } from "./package-checks.ts";
import { refuse } from "./problem.ts";
import { SearchRows } from "./search-rows.ts";
import type { Storage } from "./storage/index.ts";

/** Keeps the registry's signed metadata and its log up to date, while nobody else writes. */
export type Trust = Pick<RegistryTrust, "commit" | "renew" | "prune">;

export interface CatalogueOptions {
  /** The folder that is served. */
  dir: string;
  /** The service's own folder: what is withheld is put there. */
  dataDir: string;
  name?: string;
  storage: Storage;
  now: () => number;
  /** Files of the folder are new. */
  changed(): void;
  failed(error: unknown): void;
  /** Without it, nothing is countersigned and there is no log. */
  trust?: Trust;
  /** Reads and checks packages before they are let in. What it throws refuses the package. */
  checks: Pick<PackageChecks, "check" | "close">;
}

export interface PublishRequest {
  id: string;
  version: string;
  tarball: Buffer;
  publishedAt: string;
  signature: Signature;
  dryRun: boolean;
  permit?: Permit;
}

/** Throws when it may not be, or no more: asked when a change's turn has come. */
export type Permit = () => Promise<void>;

/** A publisher's clock may differ by so much; more would be a way around a minimum release age. */
const CLOCK_MS = 15 * 60_000;
const MAX_WAITING = 256;
const SLICE = 1024 * 1024;
type VersionChange = Extract<Change, { version: string }>;
export type Marks = Pick<PackageVersion, "yanked" | "deprecated" | "blocked">;

/** The writing side of the registry's folder. One change at a time; each is whole when the promise resolves. */
export class Catalogue {
  readonly #options: CatalogueOptions;
  readonly #folder: RegistryFolder;
  readonly #rows: SearchRows;
  #tail: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  constructor(options: CatalogueOptions) {
    this.#options = options;
    this.#folder = new RegistryFolder(options.dir);
    this.#rows = new SearchRows({
      folder: this.#folder,
      pending: options.storage.pending,
      locked: (body) => this.#locked(body),
      changed: () => options.changed(),
      failed: options.failed,
    });
  }

  /** Make the folder if there is none, and finish what a crash left half told. */
  async open(): Promise<void> {
    const { dir, name, storage } = this.#options;
    await mkdir(dir, { recursive: true });
    await this.#locked(async () => this.#folder.writeRoot(await this.#folder.root(name)));
    for (const id of await storage.pending.list()) await this.#list(await this.#folder.index(id));
    await this.#rows.flush();
  }

  async name(): Promise<string> {
    return (await this.#folder.root(this.#options.name)).name;
  }

  async keys(publisher: string): Promise<PublicKey[]> {
    return keysOf(await this.#folder.root(this.#options.name), publisher);
  }

  async index(id: string): Promise<PackageIndex> {
    const index = await this.#folder.index(id);
    if (index.versions.length === 0) throw refuse.packageUnknown(id);
    return index;
  }

  /**
   * Check a package and let it in: its archive, its manifest, its name, its signature, its version.
   *
   * @throws PLINTH_ARCHIVE_*, PLINTH_MANIFEST_*, PLINTH_PACKAGE_MISMATCH, PLINTH_PUBLISH_TIME, PLINTH_NAME_LOOKALIKE and those of admit.
   */
  async publish(request: PublishRequest): Promise<{ integrity: string; findings: Finding[] }> {
    const { id, version, tarball, publishedAt, signature, permit } = request;
    const { storage, now, checks } = this.#options;
    if (!(Math.abs(Date.parse(publishedAt) - now()) <= CLOCK_MS)) {
      throw new PlinthError("PLINTH_PUBLISH_TIME", `The package says it was published at ${publishedAt.slice(0, 40)}, which is not now.`, {
        next: "Set the clock of this machine, and sign again.",
      });
    }
    // Away from the line of changes, and nothing of it long on this thread: a package that takes its time holds up nobody else's.
    const [integrity, { manifest, findings }] = await Promise.all([sha512Of(tarball), checks.check(tarball, splitId(id).publisher)]);
    if (manifest.id !== id || manifest.version !== version) {
      throw new PlinthError("PLINTH_PACKAGE_MISMATCH", `The package is ${manifest.id} ${manifest.version}, but it was sent as ${id} ${version}.`, {
        next: "Publish it under its own id and version.",
      });
    }
    return this.#next(async () => {
      const packed: SignedPackage = { tarball, manifest, publishedAt, signature, integrity };
      const check: AdmitOptions["check"] = async (_root, index) => {
        if (index.versions.length === 0) await assertPackageName(id, storage);
        // Refused above when anything is wrong; what follows would write.
        if (request.dryRun) throw new DryRun();
        await this.#rows.begin(id);
      };
      const done: AdmitOptions["done"] = async (index) => {
        await storage.findings.put(id, version, findings);
        await this.#told(index);
      };
      const commit: AdmitOptions["commit"] = async () => this.#options.trust?.commit({ type: "publish", id, version });
      await admit(packed, { registry: this.#options.dir, searchRow: false, check, commit, done }).catch((error: unknown) => {
        if (!(error instanceof DryRun)) throw error;
      });
      return { integrity, findings };
    }, permit);
  }

  /** Mark a version, or take a mark away. */
  async mark(type: VersionChange["type"], id: string, version: string, change: (entry: Marks) => void, permit?: Permit): Promise<void> {
    await this.#next(() => this.#mark(type, id, version, change), permit);
  }

  /** Offer a withdrawn version again; what the moderators withhold stays withheld. */
  async unyank(id: string, version: string, permit?: Permit): Promise<void> {
    const change = (entry: Marks): void => {
      if (entry.blocked !== undefined) throw refuse.blocked(`${id} ${version}`, entry.blocked);
      delete entry.yanked;
    };
    await this.mark("yank", id, version, change, permit);
  }

  /** Withhold a version's tarball: it is put aside, or deleted for good. The version stays taken. */
  async block(id: string, version: string, reason: string, options: { forGood: boolean; permit?: Permit }): Promise<void> {
    await this.#next(async () => {
      await this.#mark("block", id, version, (entry) => {
        entry.yanked ??= reason;
        entry.blocked = reason;
      });
      const path = tarballPath(id, version);
      if (!options.forGood) await move(join(this.#options.dir, path), this.#withheld(path));
      else for (const one of [join(this.#options.dir, path), this.#withheld(path)]) await rm(one, { force: true });
    }, options.permit);
  }

  async unblock(id: string, version: string, permit?: Permit): Promise<void> {
    await this.#next(async () => {
      const path = tarballPath(id, version);
      const found = await move(this.#withheld(path), join(this.#options.dir, path));
      await this.#mark("yank", id, version, (entry) => {
        if (entry.blocked !== undefined && !found) {
          throw new PlinthError("PLINTH_VERSION_BLOCKED", `The tarball of ${id} ${version} was deleted and cannot be given back.`, {
            next: "Its publisher can publish the next version.",
          });
        }
        if (entry.yanked === entry.blocked) delete entry.yanked;
        delete entry.blocked;
      });
    }, permit);
  }

  /** Record a publisher's first key. @throws PLINTH_PUBLISHER_KEY when the name belongs to another one. */
  async addKey(publisher: string, key: PublicKey, proof?: string): Promise<void> {
    await this.#next(() =>
      this.#locked(async () => {
        const root = await this.#folder.root(this.#options.name);
        if (!addKey(root, publisher, key)) return;
        await this.#folder.writeRoot(root);
        await this.#options.trust?.commit({ type: "claim", publisher, key, ...(proof === undefined ? {} : { proof }) });
        this.#options.changed();
      }),
    );
  }

  /** Record what is the registry's own word: an advisory, a publisher's new or revoked key. */
  async record(change: Exclude<Change, VersionChange>, permit?: Permit): Promise<void> {
    const { trust } = this.#options;
    if (trust === undefined) {
      throw new PlinthError("PLINTH_FORBIDDEN", "This registry keeps no signed metadata, and has no place for that.", {
        next: "Who runs the registry can begin with `plinth-registry init`.",
      });
    }
    await this.#next(() => this.#locked(() => trust.commit(change)), permit);
    this.#options.changed();
  }

  /** Packages that an advisory is about: one, or none when there is no such advisory yet. */
  async advisedOn(advisory: string): Promise<string[]> {
    const advisories = await readAdvisories(this.#options.dir);
    return advisories.filter(({ id }) => id === advisory).map((one) => one.package);
  }

  /** What the registry says of a version beside its index: advisories that hold for it. */
  async advisories(id: string, version: string): Promise<Advisory[]> {
    return (await readAdvisories(this.#options.dir)).filter(
      (one) => one.package === id && one.retracted === undefined && semver.satisfies(version, one.affected, { includePrerelease: true }),
    );
  }

  async close(): Promise<void> {
    this.#options.checks.close();
    await this.#tail.catch(() => undefined);
    await this.#rows.flush();
  }

  async #mark(type: VersionChange["type"], id: string, version: string, change: (entry: Marks) => void): Promise<void> {
    splitId(id);
    await this.#rows.begin(id);
    const commit: AdmitOptions["commit"] = async (_index, entry) => {
      const reason = type === "deprecate" ? entry.deprecated : entry.yanked;
      await this.#options.trust?.commit({ type, id, version, ...(reason === undefined ? {} : { reason }) });
    };
    const done: AdmitOptions["done"] = (index) => this.#told(index);
    await changeVersion(id, version, change, { registry: this.#options.dir, searchRow: false, commit, done });
  }

  async #told(index: PackageIndex): Promise<void> {
    this.#options.changed();
    await this.#list(index);
  }

  /** Search rows follow the index. */
  async #list(index: PackageIndex): Promise<void> {
    const { storage, dir } = this.#options;
    const listed = await listingOf(index, dir);
    if (listed === undefined) await storage.packages.remove(index.id);
    else await storage.packages.put([listed]);
    this.#rows.change(index);
  }

  #withheld(path: string): string {
    return join(this.#options.dataDir, "withheld", path);
  }

  #locked<T>(body: () => Promise<T>): Promise<T> {
    return withLock(join(this.#options.dir, LOCK_FILE), body);
  }

  /** In line behind the changes that are under way; the line has an end. What may be is decided when the turn has come. */
  #next<T>(body: () => Promise<T>, permit?: Permit): Promise<T> {
    if (this.#waiting >= MAX_WAITING) throw refuse.busy();
    this.#waiting += 1;
    const result = this.#tail
      .catch(() => undefined)
      .then(permit)
      .then(body);
    this.#tail = result.catch(() => undefined);
    return result.finally(() => {
      this.#waiting -= 1;
    });
  }
}

/** As integrityOf, a megabyte at a time: others have their turns between. */
async function sha512Of(bytes: Buffer): Promise<string> {
  const hash = createHash("sha512");
  for (let at = 0; at < bytes.length; at += SLICE) {
    hash.update(bytes.subarray(at, at + SLICE));
    await setImmediate();
  }
  return `sha512-${hash.digest("base64")}`;
}

/** Ends an admission after its last check. */
class DryRun extends Error {}

/** false: there is nothing to move. */
async function move(from: string, to: string): Promise<boolean> {
  await mkdir(dirname(to), { recursive: true });
  try {
    await rename(from, to);
  } catch (error) {
    if (systemCode(error) === "ENOENT") return false;
    if (systemCode(error) !== "EXDEV") throw error;
    await copyFile(from, to);
    await rm(from);
  }
  return true;
}
