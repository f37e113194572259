import { readdir, readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { prettyJson } from "@plinth/manifests/canonical-json.ts";
import { isPlinthError, PlinthError } from "@plinth/manifests/wire/error.ts";
import { indexPath, LOCK_FILE, ROOT_FILE } from "../layout.ts";
import { writePublic } from "../public-file.ts";
import { type LockOptions, withLock } from "../publish-lock.ts";
import { RegistryFolder, rootText } from "../registry-folder.ts";
import type { SigningKey } from "../signing.ts";
import { type Change, ChangeDraft, leafOf } from "./change-draft.ts";
import { signCheckpoint } from "./checkpoint.ts";
import { assertAcceptable } from "./draft-check.ts";
import { signDocument } from "./envelope.ts";
import { signedFeed } from "./feed.ts";
import { pagePath, reachable, update } from "./index-tree.ts";
import { appendToLog } from "./log-writer.ts";
import {
  ADVISORIES_PATH,
  CHECKPOINT_PATH,
  pageReader,
  type RegistryState,
  readState,
  type Snapshot,
  snapshotPath,
  TIMESTAMP_PATH,
  type Timestamp,
} from "./registry-state.ts";
import { makeRoot, ROOT_PATH, type RoleKeys, type RootPlan, rootFingerprint, signersOf } from "./roles.ts";

const DAY = 86_400_000;

export interface RegistryTrustOptions {
  /** The log's name in its checkpoints, for a registry that gets its first root now; default: the registry's name. */
  origin?: string;
  /** How long what is signed now may be believed, in milliseconds. Default: 365, 30 and 3 days. */
  lifetimes?: { root?: number; snapshot?: number; timestamp?: number };
  thresholds?: RootPlan["thresholds"];
  clock?: () => Date;
  lock?: LockOptions;
  /** Reads each draft as a host does. For tests of hosts, which need a registry that signs anything. */
  check?: typeof assertAcceptable;
}

/** The registry's side of trust: signs what changed, and records it in the log. */
export class RegistryTrust {
  /** What of the folder could not be read when it was opened, a sentence each. */
  readonly damaged: string[] = [];
  readonly #dir: string;
  #keys: RoleKeys;
  readonly #options: RegistryTrustOptions;

  private constructor(dir: string, keys: RoleKeys, options: RegistryTrustOptions) {
    this.#dir = dir;
    this.#keys = keys;
    this.#options = options;
  }

  /**
   * Open a registry's folder, under its lock. A folder without a root gets one, which needs the root's keys; what is in
   * it is then recorded. So is what a process that died between an index and its commit left behind.
   *
   * @throws PLINTH_TRUST_KEYS when the keys are not those of the newest root.
   */
  static async open(dir: string, keys: RoleKeys, options: RegistryTrustOptions = {}): Promise<RegistryTrust> {
    const trust = new RegistryTrust(dir, keys, options);
    await trust.#locked(async () => {
      const state = (await readState(dir)) ?? (await trust.#begin());
      trust.#assertKeys(state);
      if (state.checkpoint !== undefined) await writePublic(join(dir, CHECKPOINT_PATH), state.checkpoint);
      await trust.#takeIn(await trust.#uncommitted());
      if ((await trust.#state()).timestamp === undefined) await trust.commit();
    });
    return trust;
  }

  /**
   * Sign what changed and record it. The caller holds the registry's lock and has written the index files already. The
   * timestamp is written last: until then readers see the state before, whole.
   */
  async commit(...changes: Change[]): Promise<void> {
    const state = await this.#state();
    const draft = this.#draft(state);
    for (const change of changes) await draft.apply(change);
    await this.#seal(state, draft);
  }

  /** Sign the present state anew, so that readers know it to be the present one. Takes the lock. Call it well within the timestamp's lifetime. */
  async renew(): Promise<void> {
    await this.#locked(() => this.commit());
  }

  /** Change the roles' keys or renew the root. `signers` are enough keys of the present root; the new root's own are added. Takes the lock. */
  async rotateRoot(keys: RoleKeys, signers: readonly SigningKey[], options: Pick<RegistryTrustOptions, "thresholds"> = {}): Promise<void> {
    await this.#locked(async () => {
      const state = await this.#state();
      const { origin } = state.root.signed;
      const { thresholds = this.#options.thresholds ?? {} } = options;
      const root = makeRoot({ origin, expires: this.#until("root"), keys, thresholds }, [...signers, ...keys.root], state.root);
      const present = this.#keys;
      this.#keys = keys;
      const next = { ...state, root };
      const draft = this.#draft(next);
      draft.staged.put(ROOT_PATH(root.signed.version), prettyJson(root));
      const names = await readdir(join(this.#dir, "keys")).catch(() => []);
      await draft.signAnew(names.flatMap((name) => /^([a-z0-9-]+)\.json$/.exec(name)?.[1] ?? []).sort());
      draft.log({ type: "root", version: root.signed.version, sha256: rootFingerprint(root), at: this.#now().toISOString() });
      await this.#seal(next, draft, state).catch((error: unknown) => {
        this.#keys = present;
        throw error;
      });
    });
  }

  /**
   * Make the feed of advisories anew, when it is damaged or another one than was signed: of its advisories those that the
   * log vouches for, and what the packages' indexes say was withdrawn. Takes the lock.
   *
   * @returns advisories that are lost: the log has them, and the file does not have them whole. undefined: nothing to mend.
   */
  async repair(): Promise<string[] | undefined> {
    return this.#locked(async () => {
      const state = await this.#state();
      if ((await signedFeed(this.#dir, state)).damage === undefined) return undefined;
      const draft = this.#draft(state);
      const lost = await draft.repairFeed();
      for (const id of await packageIds(this.#dir)) await this.#takeIndex(draft, id);
      await this.#seal(state, draft);
      return lost;
    });
  }

  /** What an operator pins to know this registry by. */
  async fingerprint(): Promise<string> {
    const { signed } = JSON.parse(await readFile(join(this.#dir, ROOT_PATH(1)), "utf8"));
    return rootFingerprint({ signed, signatures: [] });
  }

  /** Remove pages and snapshots that only states older than `graceMs` name. Takes the lock. Gives how many. */
  async prune(graceMs = DAY): Promise<number> {
    return this.#locked(async () => {
      const { tree, timestamp } = await this.#state();
      const kept = new Set<string>([snapshotPath(timestamp!.snapshot.sha256)]);
      for await (const hash of reachable(tree, pageReader(this.#dir))) kept.add(pagePath(hash));
      let removed = 0;
      for (const folder of ["trust/tree", "trust/snapshot"]) {
        for (const name of await readdir(join(this.#dir, folder), { recursive: true })) {
          const path = `${folder}/${name.replaceAll("\\", "/")}`;
          const found = await stat(join(this.#dir, path));
          if (!found.isFile() || kept.has(path) || Date.now() - found.mtimeMs < graceMs) continue;
          await rm(join(this.#dir, path));
          removed++;
        }
      }
      return removed;
    });
  }

  /** Record indexes as they are now: all at once, or one by one when one of them is what no host would accept. */
  async #takeIn(ids: readonly string[]): Promise<void> {
    const state = await this.#state();
    const draft = this.#draft(state);
    try {
      for (const id of ids) await this.#takeIndex(draft, id);
      if (draft.leaves.size > 0) await this.#seal(state, draft);
    } catch (error) {
      if (!isPlinthError(error) || error.code !== "PLINTH_DOCUMENT_INVALID") throw error;
      if (ids.length === 1) this.damaged.push(error.message);
      else for (const id of ids) await this.#takeIn([id]);
    }
  }

  /** A damaged index is its package's misfortune, and nobody else's: hosts have what was signed of it last, and refuse the file. */
  async #takeIndex(draft: ChangeDraft, id: string): Promise<void> {
    try {
      await draft.takeIndex(id);
    } catch (error) {
      if (!isPlinthError(error) || error.code !== "PLINTH_REGISTRY_INVALID") throw error;
      this.damaged.push(error.message);
    }
  }

  async #begin(): Promise<RegistryState> {
    const { origin = (await new RegistryFolder(this.#dir).root()).name, thresholds = {} } = this.#options;
    const plan = { origin, expires: this.#until("root"), keys: this.#keys, thresholds };
    if (this.#keys.root.length === 0) throw wrongKeys("root");
    await writePublic(join(this.#dir, ROOT_PATH(1)), prettyJson(makeRoot(plan, this.#keys.root)));
    return this.#state();
  }

  /** Packages whose index is younger than the last commit, or all of them when there was none. */
  async #uncommitted(): Promise<string[]> {
    const since = (await stat(join(this.#dir, TIMESTAMP_PATH)).catch(() => undefined))?.mtimeMs ?? 0;
    const found: string[] = [];
    for (const id of await packageIds(this.#dir)) if ((await stat(join(this.#dir, indexPath(id)))).mtimeMs >= since) found.push(id);
    return found;
  }

  /**
   * Sign what the draft says, read it all as a host does, and write it in an order in which only the last file that counts,
   * the timestamp, makes the rest count. Until then, and when a host would refuse it, nothing is written.
   *
   * @param before the state that hosts know.
   */
  async #seal(state: RegistryState, draft: ChangeDraft, before: RegistryState = state): Promise<void> {
    const files = draft.staged;
    const head = draft.events.length === 0 ? state.head : await appendToLog(files, state.head.size, draft.events);
    const changed = draft.leaves.size === 0 ? { root: state.tree, pages: new Map<string, string>() } : await this.#tree(state, draft);
    for (const [hash, text] of changed.pages) files.put(pagePath(hash), text);
    for (const [path, text] of draft.files) files.put(path, text);
    await this.#putPublicKeys(draft);
    const feed = this.#putFeed(state, draft);
    const log = signersOf(state.root.signed, "log");
    const checkpoint = signCheckpoint(
      state.root.signed.origin,
      head,
      this.#keys.log.find(({ keyId }) => log.keys.some((key) => key.keyId === keyId))!,
    );
    const snapshot: Snapshot = {
      type: "snapshot",
      version: state.snapshot + 1,
      expires: this.#until("snapshot"),
      tree: changed.root,
      checkpoint,
      ...(feed === undefined ? {} : { advisories: feed }),
    };
    const bytes = Buffer.from(prettyJson(signDocument(snapshot, this.#keys.snapshot)));
    const timestamp: Timestamp = {
      type: "timestamp",
      version: (state.timestamp?.version ?? 0) + 1,
      expires: this.#until("timestamp"),
      snapshot: { version: snapshot.version, ...leafOf(bytes) },
    };
    files.put(snapshotPath(timestamp.snapshot.sha256), bytes);
    files.put(TIMESTAMP_PATH, prettyJson(signDocument(timestamp, this.#keys.timestamp)));
    files.put(CHECKPOINT_PATH, checkpoint);
    const facts = { paths: draft.leaves.keys(), fresh: draft.fresh, feed: draft.feed !== undefined };
    await (this.#options.check ?? assertAcceptable)(files.transport(state.root.signed.origin), before, facts, () => this.#now());
    await files.write();
  }

  #tree(state: RegistryState, draft: ChangeDraft): ReturnType<typeof update> {
    return update(state.tree, draft.leaves, pageReader(this.#dir));
  }

  #putFeed(state: RegistryState, draft: ChangeDraft): Snapshot["advisories"] {
    if (draft.feed === undefined) return state.feed;
    const bytes = Buffer.from(prettyJson(draft.sign(draft.feed)));
    draft.staged.put(ADVISORIES_PATH, bytes);
    return { version: draft.feed.version, ...leafOf(bytes) };
  }

  async #putPublicKeys(draft: ChangeDraft): Promise<void> {
    const changed = draft.publicKeys();
    if (changed.size === 0) return;
    const root = await new RegistryFolder(this.#dir).root();
    draft.staged.put(ROOT_FILE, await rootText({ ...root, keys: { ...root.keys, ...Object.fromEntries(changed) } }));
  }

  #draft(state: RegistryState): ChangeDraft {
    return new ChangeDraft(this.#dir, state, this.#keys, this.#now().toISOString());
  }

  async #state(): Promise<RegistryState> {
    return (await readState(this.#dir))!;
  }

  #assertKeys({ root }: RegistryState): void {
    for (const role of ["targets", "snapshot", "timestamp", "log"] as const) {
      const { keys, threshold } = signersOf(root.signed, role);
      const held = this.#keys[role].filter(({ keyId }) => keys.some((key) => key.keyId === keyId));
      if (held.length < threshold) throw wrongKeys(role);
    }
  }

  #locked<T>(body: () => Promise<T>): Promise<T> {
    return withLock(join(this.#dir, LOCK_FILE), body, this.#options.lock);
  }

  #now(): Date {
    return this.#options.clock?.() ?? new Date();
  }

  #until(what: "root" | "snapshot" | "timestamp"): string {
    const life = this.#options.lifetimes?.[what] ?? { root: 365 * DAY, snapshot: 30 * DAY, timestamp: 3 * DAY }[what];
    return new Date(this.#now().getTime() + life).toISOString();
  }
}

/** Packages that have an index in the folder. */
async function packageIds(dir: string): Promise<string[]> {
  const names = await readdir(join(dir, "packages"), { recursive: true }).catch(() => []);
  return names.sort().flatMap((name) => {
    const [, publisher, rest] = /^([a-z0-9-]+)[/\\]([a-z0-9-]+)\.json$/.exec(name) ?? [];
    return publisher === undefined ? [] : [`${publisher}.${rest}`];
  });
}

function wrongKeys(role: string): PlinthError {
  return new PlinthError("PLINTH_TRUST_KEYS", `The keys given for the registry's role ${role} are not those that its newest root names.`, {
    next: "Give the folder with the registry's role keys, or change the root with the present root's keys.",
  });
}
