import { setTimeout as sleep } from "node:timers/promises";
import type { PlinthError } from "@plinth/manifests/wire/error.ts";
import { parseDocument } from "../parse-document.ts";
import type { Transport } from "../transport.ts";
import { readCheckpoint } from "./checkpoint.ts";
import { assertSigned, type Signed, type Signers } from "./envelope.ts";
import { type ForkProof, forked, type Relation, relate, sayDifferent } from "./fork-proof.ts";
import { type Leaf, lookUp } from "./index-tree.ts";
import { assertHolds } from "./lifetime.ts";
import { eventText, type LogEvent } from "./log-event.ts";
import { type Head, inclusionProof, leafHash, verifyInclusion } from "./merkle-proof.ts";
import { assertDelegation, type LogProof } from "./package-proof.ts";
import { type Delegation, delegationPath } from "./publisher-keys.ts";
import { ADVISORIES_PATH, type Feed, type Snapshot, snapshotPath, TIMESTAMP_PATH, type Timestamp } from "./registry-state.ts";
import { keySetOf, type RootDocument, rootFingerprint, signersOf } from "./roles.ts";
import { followRoots, readFirstRoot, readRoots } from "./root-chain.ts";
import { assertNoRollback, assertTimely } from "./timestamp-checks.ts";
import { seenBetween, type TrustMemory, type TrustState, withHead } from "./trust-memory.ts";
import { TrustedFiles } from "./trusted-files.ts";

const MAX_TIMESTAMP_BYTES = 16 * 1024;
const MAX_SNAPSHOT_BYTES = 64 * 1024;
const ROOT_CHECK_MS = 60_000;
const TRIES = 4;

export interface TrustedViewOptions {
  /** The registry's name for people. */
  name: string;
  transport: Transport;
  memory: TrustMemory;
  /** Fingerprint of the registry's first root, when the operator knows it; without it the first contact is believed. */
  root?: string;
  /** How far ahead the end of a timestamp may lie, in milliseconds; default: any length, as of a folder on this machine. */
  longest?: number;
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
  #timestamp: { etag: string; document: Signed<Timestamp> } | undefined;
  #root: Signed<RootDocument> | undefined;
  /** What the first root says, where it was just read: who the registry is. */
  #first: { id: string; fingerprint: string } | undefined;
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

  /** What is remembered of the registry now that refresh() has followed it; undefined: it signs nothing. */
  get remembered(): (TrustState & { id: string }) | undefined {
    return this.#accepted === undefined ? undefined : { ...this.#state!, id: idOf(this.#state!) };
  }

  /** What this host saw itself of an event's age; ISO 8601. */
  seenBetween(place: number): { after?: string; by?: string } {
    return seenBetween(this.#state?.heads ?? [], place);
  }

  /** How another head of this log is to the one that was accepted here. */
  relateTo(theirs: Head, signal?: AbortSignal): Promise<Relation> {
    return this.#related(this.#now().head, theirs, signal);
  }

  /** Keep that the registry tells two histories. From now on nothing of it is believed here. */
  async rememberFork(proof: ForkProof): Promise<PlinthError> {
    const state = this.#state!;
    const fork = { ...proof, at: this.#clock().toISOString() };
    await this.#remember({ ...state, fork });
    this.#accepted = undefined;
    return forked(this.#files.name, fork);
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
    const { head, snapshot } = this.#now();
    const path = await inclusionProof(place, head.size, this.#files.logHashes(head.size, signal));
    return { roots: await this.roots(signal), checkpoint: snapshot.checkpoint, path: path.map((hash) => hash.toString("base64")) };
  }

  /** All roots from the first one on. */
  roots(signal?: AbortSignal): Promise<Signed<RootDocument>[]> {
    return readRoots(this.#files, this.#now().root.version, signal);
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
    if (this.#state?.fork !== undefined) throw forked(this.#files.name, this.#state.fork);
    const now = this.#clock();
    if (this.#state === undefined && this.#options.root === undefined && now.getTime() - this.#unsigned < ROOT_CHECK_MS) return undefined;
    const root = await this.#newestRoot(now, signal);
    if (root === undefined) return undefined;
    const within = { files: this.#files, now, isRemote: this.#options.transport.isRemote };
    assertHolds("root", root.signed.expires, within, () => this.#files.refused("PLINTH_TRUST_EXPIRED", "its root has expired"));
    const stated = await this.#readTimestamp(root.signed, signal);
    const timestamp = stated.signed;
    const last = this.#state;
    assertNoRollback(timestamp, last, this.#files);
    if (last?.stated !== undefined && sayDifferent(last.stated.signed, timestamp)) {
      throw await this.rememberFork({ kind: "timestamp", ours: last.stated, theirs: stated });
    }
    assertTimely(timestamp, now, this.#options.longest, this.#files);
    const snapshot = await this.#readSnapshot(root.signed, timestamp, now, signal);
    const head = readCheckpoint(snapshot.checkpoint, root.signed.origin, signersOf(root.signed, "log").keys);
    if (head === undefined) throw this.#files.refused("PLINTH_TRUST_THRESHOLD", "its log's head is not signed by the log's key");
    if (last !== undefined) await this.#assertGrown(last, { ...head, note: snapshot.checkpoint }, signal);
    const next: TrustState = {
      ...last,
      id: last === undefined ? this.#first!.id : idOf(last),
      since: last?.since ?? now.toISOString(),
      ...(this.#first === undefined ? {} : { fingerprint: this.#first.fingerprint }),
      root,
      timestamp: timestamp.version,
      snapshot: snapshot.version,
      stated,
      head: { size: head.size, root: head.root.toString("base64") },
      checkpoint: snapshot.checkpoint,
      heads: withHead(last?.heads ?? [], head.size, now),
    };
    const isNew = last?.timestamp !== next.timestamp || last.stated === undefined || last.root.signed.version !== root.signed.version;
    if (isNew || this.#first !== undefined) await this.#remember(next);
    this.#first = undefined;
    this.#accepted = { root: root.signed, snapshot, head };
    return this.#accepted;
  }

  /** The newest root that follows from the one known; undefined: the registry has none, and may have none. */
  async #newestRoot(now: Date, signal?: AbortSignal): Promise<Signed<RootDocument> | undefined> {
    const kept = [this.#root, this.#state?.root].filter((one) => one !== undefined).sort((a, b) => b.signed.version - a.signed.version);
    const pinned = this.#options.root;
    // What is known already may be another registry than the one that the operator has named since.
    const unnamed = kept[0] === undefined || (pinned !== undefined && this.#state !== undefined && this.#state.fingerprint !== pinned);
    const first = unnamed ? await readFirstRoot(this.#files, pinned, signal) : undefined;
    const trusted = kept[0] ?? first;
    if (trusted === undefined) {
      this.#unsigned = now.getTime();
      return undefined;
    }
    if (first !== undefined) this.#first = { id: keySetOf(first.signed), fingerprint: rootFingerprint(first) };
    if (now.getTime() - this.#rootChecked < ROOT_CHECK_MS) return trusted;
    const known = trusted.signed;
    const { root, keySets } = await followRoots(this.#files, trusted, signal);
    if (this.#state === undefined) {
      // The same keys under another address: what is remembered of them goes on from there.
      this.#state = await this.#options.memory.find?.(keySets);
      if (this.#state?.fork !== undefined) throw forked(this.#files.name, this.#state.fork);
      if (this.#state !== undefined) return this.#newestRoot(now, signal);
    }
    this.#rootChecked = now.getTime();
    // Versions that a stolen key drove up must not lock out the key that replaced it. The log's head stays.
    const changed = (["timestamp", "snapshot"] as const).some((role) => known.roles[role].keyIds.join() !== root.signed.roles[role].keyIds.join());
    if (this.#state !== undefined && root.signed !== known) {
      const { stated: _stated, ...rest } = this.#state;
      await this.#remember(changed ? { ...rest, root, timestamp: 0, snapshot: 0 } : { ...this.#state, root });
    }
    this.#root = root;
    return root;
  }

  async #readTimestamp(root: RootDocument, signal?: AbortSignal): Promise<Signed<Timestamp>> {
    const cached = this.#timestamp;
    const answer = await this.#files.read(TIMESTAMP_PATH, {
      maxBytes: MAX_TIMESTAMP_BYTES,
      ...(cached === undefined ? {} : { etag: cached.etag }),
      ...(signal === undefined ? {} : { signal }),
    });
    if (answer.kind === "missing") throw this.#files.missing(TIMESTAMP_PATH);
    // A root that came since may have taken the key away: what was kept is checked again, too.
    if (answer.kind === "same" && root.version === this.#accepted?.root.version) return cached!.document;
    if (answer.kind === "same") {
      this.#timestamp = undefined;
      return this.#readTimestamp(root, signal);
    }
    const document = await parseDocument<Signed<Timestamp>>("TrustTimestamp", answer.bytes, TIMESTAMP_PATH, this.#files.name);
    assertSigned(document, signersOf(root, "timestamp"), "The timestamp");
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
    assertHolds("snapshot", snapshot.expires, { files: this.#files, now, isRemote: this.#options.transport.isRemote }, () =>
      this.#files.refused("PLINTH_TRUST_EXPIRED", "its snapshot has expired"),
    );
    return snapshot;
  }

  async #assertGrown({ head: old, checkpoint }: TrustState, head: Head & { note: string }, signal?: AbortSignal): Promise<void> {
    if (head.size < old.size) throw this.#files.refused("PLINTH_LOG_SHRUNK", `its log had ${old.size} events and now has ${head.size}`);
    const relation = await this.#related({ size: old.size, root: Buffer.from(old.root, "base64") }, head, signal);
    if (relation.is === "same" || relation.is === "ours-older") return;
    if (relation.is === "fork" && checkpoint !== undefined) {
      const { prefix } = relation;
      throw await this.rememberFork({ kind: "log", ours: checkpoint, theirs: head.note, ...(prefix === undefined ? {} : { prefix }) });
    }
    // Wrong tiles may be anybody's doing: refused, and not held against the registry's keys.
    throw this.#files.refused("PLINTH_LOG_FORK", "its log does not prove that it still tells the past that was seen here");
  }

  async #related(ours: Head, theirs: Head, signal?: AbortSignal): Promise<Relation> {
    const size = Math.max(ours.size, theirs.size);
    let relation: Relation = { is: "unproven" };
    await this.#files.holds(async () => {
      relation = await relate(ours, theirs, this.#files.logHashes(size, signal));
      return relation.is !== "unproven";
    });
    return relation;
  }

  async #remember(state: TrustState): Promise<void> {
    this.#state = state;
    await this.#options.memory.set(state);
  }

  #clock(): Date {
    return this.#options.clock?.() ?? new Date();
  }
}

/** Memories from before identities were kept have the newest root only. */
const idOf = ({ id, root }: TrustState): string => id ?? keySetOf(root.signed);
