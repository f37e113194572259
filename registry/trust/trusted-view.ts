import { setTimeout as sleep } from "node:timers/promises";
import type { PlinthError } from "@plinth/manifests/wire/error.ts";
import { parseDocument } from "../parse-document.ts";
import type { Transport } from "../transport.ts";
import { readCheckpoint } from "./checkpoint.ts";
import { assertSigned, type Signed, type Signers } from "./envelope.ts";
import { type Leaf, lookUp } from "./index-tree.ts";
import { eventText, type LogEvent } from "./log-event.ts";
import { consistencyProof, type Head, inclusionProof, leafHash, verifyConsistency, verifyInclusion } from "./merkle-proof.ts";
import { assertDelegation, type LogProof } from "./package-proof.ts";
import { type Delegation, delegationPath } from "./publisher-keys.ts";
import { ADVISORIES_PATH, type Feed, type Snapshot, snapshotPath, TIMESTAMP_PATH, type Timestamp } from "./registry-state.ts";
import { assertNextRoot, MAX_ROOT_BYTES, ROOT_PATH, type RootDocument, rootFingerprint, signersOf } from "./roles.ts";
import type { TrustMemory, TrustState } from "./trust-memory.ts";
import { TrustedFiles } from "./trusted-files.ts";

const MAX_TIMESTAMP_BYTES = 16 * 1024;
const MAX_SNAPSHOT_BYTES = 64 * 1024;
const MAX_ROTATIONS = 256;
const ROOT_CHECK_MS = 60_000;
const TRIES = 4;

export interface TrustedViewOptions {
  /** The registry's name for people. */
  name: string;
  transport: Transport;
  memory: TrustMemory;
  /** Fingerprint of the registry's first root, when the operator knows it; without it the first contact is believed. */
  root?: string;
  clock?: () => Date;
}

/** One accepted state of a registry. */
interface Accepted {
  root: RootDocument;
  snapshot: Snapshot;
  head: Head;
}

/**
 * A host's side of trust: follows a registry from the state it accepted last to the present one, and gives what that
 * state fixes. Nothing of it needs the network beyond the registry's own files, nor a server.
 */
export class TrustedView {
  readonly #options: TrustedViewOptions;
  readonly #files: TrustedFiles;
  #state: TrustState | undefined;
  #accepted: Accepted | undefined;
  #timestamp: { etag: string; document: Timestamp } | undefined;
  #root: Signed<RootDocument> | undefined;
  #rootChecked = Number.NEGATIVE_INFINITY;
  #unsigned = Number.NEGATIVE_INFINITY;
  #refreshing: { accepted: Promise<Accepted | undefined>; signal?: AbortSignal } | undefined;

  constructor(options: TrustedViewOptions) {
    this.#options = options;
    this.#files = new TrustedFiles(options.name, options.transport);
  }

  /** Follow to the present state. false: this registry signs nothing, never did here, and nobody said that it should. */
  async refresh(signal?: AbortSignal): Promise<boolean> {
    for (;;) {
      this.#refreshing ??= { accepted: this.#followBothKeys(signal).finally(() => (this.#refreshing = undefined)), ...(signal && { signal }) };
      const shared = this.#refreshing;
      try {
        return (await shared.accepted) !== undefined;
      } catch (error) {
        // Whoever began it has given up; that is no reason for others to.
        if (shared.signal === signal || shared.signal?.aborted !== true) throw error;
        signal?.throwIfAborted();
      }
    }
  }

  /** Whether the state that refresh() found is a signed one. */
  get isSigned(): boolean {
    return this.#accepted !== undefined;
  }

  /** Read what the present state fixes; when the registry changed in the meantime, once more from its new state. */
  async consistently<T>(read: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await read();
      } catch (error) {
        if ((error as { code?: unknown }).code !== "PLINTH_TRUST_MIX" || attempt === TRIES) throw error;
      }
      await sleep(50 * 2 ** attempt, undefined, signal === undefined ? {} : { signal });
      await this.refresh(signal);
    }
  }

  /** The hash and length of an index or key document; undefined: proven not to be there. */
  leaf(path: string, signal?: AbortSignal): Promise<Leaf | undefined> {
    return lookUp(this.#now().snapshot.tree, path, (hash) => this.#files.page(hash, signal));
  }

  /** Who signs for a namespace, as the role targets says. */
  async delegation(publisher: string, signal?: AbortSignal): Promise<Delegation> {
    return (await this.signedDelegation(publisher, signal)).signed;
  }

  /** Advisories and withdrawn versions; empty when the registry has told none yet. */
  async feed(signal?: AbortSignal): Promise<Feed> {
    const reference = this.#now().snapshot.advisories;
    if (reference === undefined) return { type: "advisories", version: 0, advisories: [], withdrawn: [] };
    const document = await this.#files.fixed<Feed>("AdvisoryFeed", ADVISORIES_PATH, reference, signal);
    return assertSigned(document, this.signers("targets"), "The feed of advisories");
  }

  /** @throws PLINTH_LOG_INCLUSION when the log does not have the event at that place. */
  async assertLogged(event: LogEvent, place: number | undefined, signal?: AbortSignal): Promise<void> {
    const { head } = this.#now();
    const isThere = async (at: number) => {
      const proof = await inclusionProof(at, head.size, this.#files.logHashes(head.size, signal));
      return verifyInclusion(leafHash(eventText(event)), at, head.size, proof, head.root);
    };
    if (place !== undefined && place >= 0 && place < head.size && (await this.#files.holds(() => isThere(place)))) return;
    throw this.#files.refused("PLINTH_LOG_INCLUSION", `its log does not have the event ${eventText(event)}`);
  }

  /** What it takes to show to others, or to oneself without a network, that the log has an event. */
  async logProof(event: LogEvent, place: number, signal?: AbortSignal): Promise<LogProof> {
    await this.assertLogged(event, place, signal);
    const { head, root, snapshot } = this.#now();
    const path = await inclusionProof(place, head.size, this.#files.logHashes(head.size, signal));
    const roots: Signed<RootDocument>[] = [];
    for (let version = 1; version <= root.version; version++) {
      const one = await this.#files.document<RootDocument>("TrustRoot", ROOT_PATH(version), MAX_ROOT_BYTES, signal);
      if (one === undefined) throw this.#missing(ROOT_PATH(version));
      roots.push(one);
    }
    return { roots, checkpoint: snapshot.checkpoint, path: path.map((hash) => hash.toString("base64")) };
  }

  /** The delegation as it was signed, for a proof. */
  async signedDelegation(publisher: string, signal?: AbortSignal): Promise<Signed<Delegation>> {
    const path = delegationPath(publisher);
    const leaf = await this.leaf(path, signal);
    const document = leaf && (await this.#files.fixed<Delegation>("PublisherKeys", path, leaf, signal));
    if (document === undefined) throw this.#files.refused("PLINTH_TRUST_DELEGATION", `nobody is named for ${publisher}`);
    assertDelegation(document, this.signers("targets"), publisher, this.#files.name);
    return document;
  }

  signers(role: "targets" | "recovery"): Signers {
    return signersOf(this.#now().root, role);
  }

  /** When this host first met a recovered key; from now on it is remembered. */
  async recoveryMet(publisher: string, keyId: string): Promise<Date> {
    const name = `${publisher}/${keyId}`;
    const state = this.#state!;
    const known = state.recoveries?.[name];
    if (known !== undefined) return new Date(known);
    const met = this.#clock();
    await this.#remember({ ...state, recoveries: { ...state.recoveries, [name]: met.toISOString() } });
    return met;
  }

  #now(): Accepted {
    if (this.#accepted === undefined) throw new TypeError("refresh() comes first");
    return this.#accepted;
  }

  /** A signature that does not fit may be by a key that a newer root names: look for one before refusing. */
  async #followBothKeys(signal?: AbortSignal): Promise<Accepted | undefined> {
    const checked = this.#rootChecked;
    try {
      return await this.#follow(signal);
    } catch (error) {
      if ((error as { code?: unknown }).code !== "PLINTH_TRUST_THRESHOLD" || this.#rootChecked !== checked) throw error;
    }
    this.#rootChecked = Number.NEGATIVE_INFINITY;
    return this.#follow(signal);
  }

  async #follow(signal?: AbortSignal): Promise<Accepted | undefined> {
    // Read each time: another process of this host may have met a newer state.
    this.#state = (await this.#options.memory.get()) ?? this.#state;
    const now = this.#clock();
    if (this.#state === undefined && this.#options.root === undefined && now.getTime() - this.#unsigned < ROOT_CHECK_MS) return undefined;
    const root = await this.#newestRoot(now, signal);
    if (root === undefined) return undefined;
    if (Date.parse(root.signed.expires) <= now.getTime()) throw this.#files.refused("PLINTH_TRUST_EXPIRED", "its root has expired");
    const timestamp = await this.#readTimestamp(root.signed, signal);
    const last = this.#state;
    if (timestamp.version < (last?.timestamp ?? 0)) throw this.#older("timestamp", timestamp.version, last!.timestamp);
    if (timestamp.snapshot.version < (last?.snapshot ?? 0)) throw this.#older("snapshot", timestamp.snapshot.version, last!.snapshot);
    if (Date.parse(timestamp.expires) <= now.getTime()) {
      throw this.#files.refused("PLINTH_TRUST_FROZEN", `its newest state was valid until ${timestamp.expires} and has not been renewed`);
    }
    const snapshot = await this.#readSnapshot(root.signed, timestamp, now, signal);
    const head = readCheckpoint(snapshot.checkpoint, root.signed.origin, signersOf(root.signed, "log").keys);
    if (head === undefined) throw this.#files.refused("PLINTH_TRUST_THRESHOLD", "its log's head is not signed by the log's key");
    if (last !== undefined) await this.#assertGrown({ size: last.head.size, root: Buffer.from(last.head.root, "base64") }, head, signal);
    const next: TrustState = {
      ...last,
      root,
      timestamp: timestamp.version,
      snapshot: snapshot.version,
      head: { size: head.size, root: head.root.toString("base64") },
    };
    if (last?.timestamp !== next.timestamp || last.root.signed.version !== root.signed.version) await this.#remember(next);
    this.#accepted = { root: root.signed, snapshot, head };
    return this.#accepted;
  }

  /** The newest root that follows from the one known; undefined: the registry has none, and may have none. */
  async #newestRoot(now: Date, signal?: AbortSignal): Promise<Signed<RootDocument> | undefined> {
    const kept = [this.#root, this.#state?.root].filter((one) => one !== undefined).sort((a, b) => b.signed.version - a.signed.version);
    const trusted = kept[0] ?? (await this.#firstRoot(signal));
    if (trusted === undefined) {
      this.#unsigned = now.getTime();
      return undefined;
    }
    let root: Signed<RootDocument> = trusted;
    if (now.getTime() - this.#rootChecked < ROOT_CHECK_MS) return root;
    const known = root.signed;
    for (let count = 0; count < MAX_ROTATIONS; count++) {
      const next: Signed<RootDocument> | undefined = await this.#files.document<RootDocument>(
        "TrustRoot",
        ROOT_PATH(root.signed.version + 1),
        MAX_ROOT_BYTES,
        signal,
      );
      if (next === undefined) break;
      assertNextRoot(next, root.signed);
      root = next;
    }
    this.#rootChecked = now.getTime();
    // Versions that a stolen key drove up must not lock out the key that replaced it. The log's head stays.
    const changed = (["timestamp", "snapshot"] as const).some((role) => known.roles[role].keyIds.join() !== root.signed.roles[role].keyIds.join());
    if (this.#state !== undefined && root.signed !== known) {
      await this.#remember({ ...this.#state, root, ...(changed ? { timestamp: 0, snapshot: 0 } : {}) });
    }
    this.#root = root;
    return root;
  }

  async #firstRoot(signal?: AbortSignal): Promise<Signed<RootDocument> | undefined> {
    const root = await this.#files.document<RootDocument>("TrustRoot", ROOT_PATH(1), MAX_ROOT_BYTES, signal);
    const pinned = this.#options.root;
    if (root === undefined) {
      if (pinned === undefined) return undefined;
      throw this.#missing(ROOT_PATH(1));
    }
    assertNextRoot(root, undefined);
    if (pinned !== undefined && rootFingerprint(root) !== pinned)
      throw this.#files.refused("PLINTH_TRUST_ROOT", "its first root is not the one that is pinned");
    return root;
  }

  async #readTimestamp(root: RootDocument, signal?: AbortSignal): Promise<Timestamp> {
    const cached = this.#timestamp;
    const answer = await this.#files.read(TIMESTAMP_PATH, {
      maxBytes: MAX_TIMESTAMP_BYTES,
      ...(cached === undefined ? {} : { etag: cached.etag }),
      ...(signal === undefined ? {} : { signal }),
    });
    if (answer.kind === "missing") throw this.#missing(TIMESTAMP_PATH);
    // A root that came since may have taken the key away: what was kept is checked again, too.
    if (answer.kind === "same" && root.version === this.#accepted?.root.version) return cached!.document;
    if (answer.kind === "same") {
      this.#timestamp = undefined;
      return this.#readTimestamp(root, signal);
    }
    const parsed = await parseDocument<Signed<Timestamp>>("TrustTimestamp", answer.bytes, TIMESTAMP_PATH, this.#files.name);
    const document = assertSigned(parsed, signersOf(root, "timestamp"), "The timestamp");
    this.#timestamp = answer.etag === undefined ? undefined : { etag: answer.etag, document };
    return document;
  }

  async #readSnapshot(root: RootDocument, timestamp: Timestamp, now: Date, signal?: AbortSignal): Promise<Snapshot> {
    const { sha256, length, version } = timestamp.snapshot;
    const path = snapshotPath(sha256);
    if (length > MAX_SNAPSHOT_BYTES) throw this.#files.refused("PLINTH_REGISTRY_SIZE", "its snapshot is larger than any may be");
    const parsed = await this.#files.fixed<Snapshot>("TrustSnapshot", path, { sha256, length }, signal);
    const snapshot = assertSigned(parsed, signersOf(root, "snapshot"), "The snapshot");
    if (snapshot.version !== version) throw this.#files.refused("PLINTH_TRUST_MIX", "its snapshot has another version than its timestamp says");
    if (Date.parse(snapshot.expires) <= now.getTime()) throw this.#files.refused("PLINTH_TRUST_EXPIRED", "its snapshot has expired");
    return snapshot;
  }

  async #assertGrown(old: Head, head: Head, signal?: AbortSignal): Promise<void> {
    if (head.size < old.size) throw this.#files.refused("PLINTH_LOG_SHRUNK", `its log had ${old.size} events and now has ${head.size}`);
    const hasGrown = async () => {
      const proof = old.size === 0 ? [] : await consistencyProof(old.size, head.size, this.#files.logHashes(head.size, signal));
      return verifyConsistency(old, head, proof);
    };
    if (!(await this.#files.holds(hasGrown))) throw this.#files.refused("PLINTH_LOG_FORK", "its log now tells another past than before");
  }

  async #remember(state: TrustState): Promise<void> {
    this.#state = state;
    await this.#options.memory.set(state);
  }

  #clock(): Date {
    return this.#options.clock?.() ?? new Date();
  }

  #older(what: string, found: number, known: number): PlinthError {
    return this.#files.refused("PLINTH_TRUST_ROLLBACK", `its ${what} is number ${found}, after ${known} was seen here`);
  }

  #missing(path: string): PlinthError {
    return this.#files.refused("PLINTH_TRUST_MISSING", `${path} is not there, although this registry is known to sign its state`);
  }
}
