import { readdir, readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { prettyJson } from "@plinth/manifests/canonical-json.ts";
import { PlinthError } from "@plinth/manifests/wire/error.ts";
import { writeAtomic } from "../atomic-file.ts";
import { LOCK_FILE } from "../layout.ts";
import { type LockOptions, withLock } from "../publish-lock.ts";
import { RegistryFolder } from "../registry-folder.ts";
import type { SigningKey } from "../signing.ts";
import { type Change, ChangeDraft, leafOf } from "./change-draft.ts";
import { signCheckpoint } from "./checkpoint.ts";
import { assertSigned, signDocument } from "./envelope.ts";
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
}

/** The registry's side of trust: signs what changed, and records it in the log. */
export class RegistryTrust {
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
      if (state.checkpoint !== undefined) await writeAtomic(join(dir, CHECKPOINT_PATH), state.checkpoint);
      const draft = trust.#draft(state);
      for (const id of await trust.#uncommitted()) await draft.takeIndex(id);
      if (draft.leaves.size > 0 || state.timestamp === undefined) await trust.#seal(state, draft);
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
      await writeAtomic(join(this.#dir, ROOT_PATH(root.signed.version)), prettyJson(root));
      this.#keys = keys;
      const next = { ...state, root };
      const draft = this.#draft(next);
      const names = await readdir(join(this.#dir, "keys")).catch(() => []);
      await draft.signAnew(names.flatMap((name) => /^([a-z0-9-]+)\.json$/.exec(name)?.[1] ?? []).sort());
      draft.log({ type: "root", version: root.signed.version, sha256: rootFingerprint(root), at: this.#now().toISOString() });
      await this.#seal(next, draft);
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

  async #begin(): Promise<RegistryState> {
    const { origin = (await new RegistryFolder(this.#dir).root()).name, thresholds = {} } = this.#options;
    const plan = { origin, expires: this.#until("root"), keys: this.#keys, thresholds };
    if (this.#keys.root.length === 0) throw wrongKeys("root");
    await writeAtomic(join(this.#dir, ROOT_PATH(1)), prettyJson(makeRoot(plan, this.#keys.root)));
    return this.#state();
  }

  /** Packages whose index is younger than the last commit, or all of them when there was none. */
  async #uncommitted(): Promise<string[]> {
    const since = (await stat(join(this.#dir, TIMESTAMP_PATH)).catch(() => undefined))?.mtimeMs ?? 0;
    const found: string[] = [];
    const names = await readdir(join(this.#dir, "packages"), { recursive: true }).catch(() => []);
    for (const name of names.sort()) {
      const [, publisher, rest] = /^([a-z0-9-]+)[/\\]([a-z0-9-]+)\.json$/.exec(name) ?? [];
      if (publisher === undefined) continue;
      if ((await stat(join(this.#dir, "packages", name))).mtimeMs >= since) found.push(`${publisher}.${rest}`);
    }
    return found;
  }

  /** Write everything in an order in which only the last file, the timestamp, makes the rest count. */
  async #seal(state: RegistryState, draft: ChangeDraft): Promise<void> {
    const head = draft.events.length === 0 ? state.head : await appendToLog(this.#dir, state.head.size, draft.events);
    const changed = draft.leaves.size === 0 ? { root: state.tree, pages: new Map<string, string>() } : await this.#tree(state, draft);
    for (const [hash, text] of changed.pages) await writeAtomic(join(this.#dir, pagePath(hash)), text);
    for (const [path, text] of draft.files) await writeAtomic(join(this.#dir, path), text);
    await this.#writePublicKeys(draft);
    const feed = await this.#writeFeed(state, draft);
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
    const signedSnapshot = signDocument(snapshot, this.#keys.snapshot);
    assertSigned(signedSnapshot, signersOf(state.root.signed, "snapshot"), "The snapshot");
    const bytes = Buffer.from(prettyJson(signedSnapshot));
    const timestamp: Timestamp = {
      type: "timestamp",
      version: (state.timestamp?.version ?? 0) + 1,
      expires: this.#until("timestamp"),
      snapshot: { version: snapshot.version, ...leafOf(bytes) },
    };
    const signedTimestamp = signDocument(timestamp, this.#keys.timestamp);
    assertSigned(signedTimestamp, signersOf(state.root.signed, "timestamp"), "The timestamp");
    await writeAtomic(join(this.#dir, snapshotPath(timestamp.snapshot.sha256)), bytes);
    await writeAtomic(join(this.#dir, TIMESTAMP_PATH), prettyJson(signedTimestamp));
    await writeAtomic(join(this.#dir, CHECKPOINT_PATH), checkpoint);
  }

  #tree(state: RegistryState, draft: ChangeDraft): ReturnType<typeof update> {
    return update(state.tree, draft.leaves, pageReader(this.#dir));
  }

  async #writeFeed(state: RegistryState, draft: ChangeDraft): Promise<Snapshot["advisories"]> {
    if (draft.feed === undefined) return state.feed;
    const bytes = Buffer.from(prettyJson(draft.sign(draft.feed)));
    await writeAtomic(join(this.#dir, ADVISORIES_PATH), bytes);
    return { version: draft.feed.version, ...leafOf(bytes) };
  }

  async #writePublicKeys(draft: ChangeDraft): Promise<void> {
    const changed = draft.publicKeys();
    if (changed.size === 0) return;
    const folder = new RegistryFolder(this.#dir);
    const root = await folder.root();
    await folder.writeRoot({ ...root, keys: { ...root.keys, ...Object.fromEntries(changed) } });
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

function wrongKeys(role: string): PlinthError {
  return new PlinthError("PLINTH_TRUST_KEYS", `The keys given for the registry's role ${role} are not those that its newest root names.`, {
    next: "Give the folder with the registry's role keys, or change the root with the present root's keys.",
  });
}
