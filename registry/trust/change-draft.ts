import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Advisory, KeyLink, PackageIndex, PackageVersion } from "@plinth/manifests";
import { canonicalJson, prettyJson } from "@plinth/manifests/canonical-json.ts";
import { PlinthError } from "@plinth/manifests/wire/error.ts";
import semver from "semver";
import { indexPath, splitId } from "../layout.ts";
import { RegistryFolder } from "../registry-folder.ts";
import type { PublicKey } from "../signing.ts";
import { type Signed, signDocument } from "./envelope.ts";
import { salvageFeed, signedFeed } from "./feed.ts";
import { type Leaf, pageHash } from "./index-tree.ts";
import { eventText, type LogEvent, publishEvent } from "./log-event.ts";
import { activeKeys, claimNamespace, type Delegation, delegationPath, withLink, withoutKey } from "./publisher-keys.ts";
import { type Feed, type RegistryState, readSigned } from "./registry-state.ts";
import { type RoleKeys, signersOf } from "./roles.ts";
import { StagedFiles } from "./staged-files.ts";

/** What happened to a registry. Index files were written by whoever changed them; the rest is written by the commit. */
export type Change =
  | { type: "publish" | "yank" | "deprecate" | "block"; id: string; version: string; reason?: string }
  | { type: "claim"; publisher: string; key: PublicKey; proof?: string }
  | { type: "key"; publisher: string; link: KeyLink }
  /** `since`: place in the log from which the key's signatures count no more; default: from now on. */
  | { type: "revoke"; publisher: string; keyId: string; reason: string; since?: number }
  | { type: "advisory"; advisory: Advisory };

/** Collects what one commit has to write: events for the log, files, and their places in the tree. */
export class ChangeDraft {
  readonly events: string[] = [];
  readonly leaves = new Map<string, Leaf>();
  readonly files = new Map<string, string>();
  /** Versions that the log has from this commit on, by package. */
  readonly fresh = new Map<string, Set<string>>();
  /** Where everything is put that the commit writes. */
  readonly staged: StagedFiles;
  feed: Feed | undefined;
  readonly #dir: string;
  readonly #folder: RegistryFolder;
  readonly #state: RegistryState;
  readonly #keys: RoleKeys;
  readonly #at: string;
  readonly #delegations = new Map<string, Delegation>();

  constructor(dir: string, state: RegistryState, keys: RoleKeys, at: string) {
    this.#dir = dir;
    this.staged = new StagedFiles(dir);
    this.#folder = new RegistryFolder(dir);
    this.#state = state;
    this.#keys = keys;
    this.#at = at;
  }

  async apply(change: Change): Promise<void> {
    if (change.type === "claim") await this.#claim(change.publisher, [change.key], change.proof);
    else if (change.type === "key") await this.#link(change.publisher, change.link);
    else if (change.type === "revoke") await this.#revoke(change.publisher, change.keyId, change.reason, change.since ?? this.#place);
    else if (change.type === "advisory") await this.#advise(change.advisory);
    else {
      await this.takeIndex(change.id);
      const { type, id, version, reason } = change;
      if (type === "deprecate" || type === "block") this.log({ type, id, version, ...(reason === undefined ? {} : { reason }), at: this.#at });
    }
  }

  /** Record an index file as it is now: versions that the log lacks, and what was withdrawn or restored since. */
  async takeIndex(id: string): Promise<void> {
    const index = await this.#folder.index(id);
    const fresh = index.versions.filter(({ log }) => log === undefined).sort(byAge);
    if (fresh.length > 0) {
      const { publisher } = splitId(id);
      if ((await this.#delegation(publisher)) === undefined) await this.#claim(publisher, (await this.#folder.root()).keys[publisher] ?? []);
      this.fresh.set(id, new Set(fresh.map(({ version }) => version)));
      for (const entry of fresh) entry.log = { index: this.log(publishEvent(id, entry, this.#at)), at: this.#at };
    }
    await this.#takeWithdrawn(index);
    const path = indexPath(id);
    if (fresh.length > 0) this.#file(path, prettyJson(index));
    else this.leaves.set(path, leafOf(await readFile(join(this.#dir, path))));
  }

  /** Sign what the role targets has signed with its present keys: the given namespaces, and the feed. */
  async signAnew(publishers: readonly string[]): Promise<void> {
    for (const publisher of publishers) {
      const delegation = await this.#known(publisher);
      this.#delegate({ ...delegation, version: delegation.version + 1 });
    }
    if (this.#state.feed !== undefined) this.feed = (await this.#openFeed()) ?? (await this.#salvaged());
  }

  /** Log an event. Gives the place that it gets. */
  log(event: LogEvent): number {
    const text = eventText(event);
    this.events.push(text);
    return this.#place - 1;
  }

  get #place(): number {
    return this.#state.head.size + this.events.length;
  }

  async #claim(publisher: string, keys: readonly PublicKey[], proof?: string): Promise<void> {
    if ((await this.#delegation(publisher)) !== undefined || keys.length === 0) {
      throw new PlinthError(
        "PLINTH_PUBLISHER_KEY",
        `The name ${publisher} cannot be claimed: ${keys.length === 0 ? "no key is known" : "it is taken"}.`,
        {
          next: "Choose another publisher's name, or change its key with the old one.",
        },
      );
    }
    const keyIds = keys.map(({ keyId }) => keyId);
    const place = this.log({ type: "claim", publisher, keyIds, ...(proof === undefined ? {} : { proof }), at: this.#at });
    this.#delegate(claimNamespace(publisher, keys, place, proof));
  }

  async #link(publisher: string, link: KeyLink): Promise<void> {
    const old = await this.#known(publisher);
    const changed = withLink(old, link, signersOf(this.#state.root.signed, "recovery"), this.#place);
    const to = changed.keys.at(-1)!.keyId;
    this.log({ type: link.kind, publisher, from: link.from, to, at: this.#at });
    this.#delegate(changed);
  }

  async #revoke(publisher: string, keyId: string, reason: string, since: number): Promise<void> {
    const changed = withoutKey(await this.#known(publisher), keyId, reason, since);
    this.log({ type: "revoke", publisher, keyId, reason, at: this.#at });
    this.#delegate(changed);
  }

  async #advise(advisory: Advisory): Promise<void> {
    if (semver.validRange(advisory.affected) === null) {
      throw new PlinthError("PLINTH_ADVISORY_RANGE", `${JSON.stringify(advisory.affected)} is not a semver range.`, { next: "Correct `affected`." });
    }
    const feed = (await this.#openFeed()) ?? (await this.#salvaged());
    this.log({ type: "advisory", advisory: advisory.id, package: advisory.package, sha256: pageHash(canonicalJson(advisory)), at: this.#at });
    const advisories = [...feed.advisories.filter(({ id }) => id !== advisory.id), advisory];
    this.feed = { ...feed, advisories: advisories.sort((a, b) => (a.id < b.id ? -1 : 1)) };
  }

  async #takeWithdrawn({ id, versions }: PackageIndex): Promise<void> {
    const feed = await this.#openFeed();
    // A damaged feed is mended when it is next written for its own sake, with what the indexes say then.
    if (feed === undefined) return;
    const listed = new Map(feed.withdrawn.filter((one) => one.id === id).map((one) => [one.version, one]));
    const gone = versions.filter(({ yanked }) => yanked !== undefined);
    const added = gone.filter(({ version, yanked }) => listed.get(version)?.reason !== yanked);
    const restored = [...listed.keys()].filter((version) => !gone.some((entry) => entry.version === version));
    if (added.length + restored.length === 0) return;
    for (const { version, yanked } of added) this.log({ type: "yank", id, version, reason: yanked!, at: this.#at });
    for (const version of restored) this.log({ type: "restore", id, version, at: this.#at });
    const now = gone.map(({ version, yanked }) => {
      const known = listed.get(version);
      return known?.reason === yanked ? known! : { id, version, reason: yanked!, at: this.#at };
    });
    const withdrawn = [...feed.withdrawn.filter((one) => one.id !== id), ...now];
    this.feed = { ...feed, withdrawn: withdrawn.sort((a, b) => (a.id === b.id ? semver.compareBuild(a.version, b.version) : a.id < b.id ? -1 : 1)) };
  }

  /** A feed in place of the damaged one. Gives the advisories that are lost. */
  async repairFeed(): Promise<string[]> {
    const { feed, lost } = await salvageFeed(this.#dir, this.#state);
    this.feed = feed;
    return lost;
  }

  async #salvaged(): Promise<Feed> {
    await this.repairFeed();
    return this.feed!;
  }

  /** The feed that this commit writes, begun from the one there is; undefined: that one is damaged. */
  async #openFeed(): Promise<Feed | undefined> {
    if (this.feed !== undefined) return this.feed;
    const { feed, damage } = await signedFeed(this.#dir, this.#state);
    if (damage !== undefined) return undefined;
    return feed === undefined
      ? { type: "advisories", version: 1, advisories: [], withdrawn: [] }
      : { ...feed, version: Math.max(feed.version, this.#state.feed?.version ?? 0) + 1 };
  }

  async #known(publisher: string): Promise<Delegation> {
    const delegation = await this.#delegation(publisher);
    if (delegation !== undefined) return delegation;
    throw new PlinthError("PLINTH_PUBLISHER_UNKNOWN", `No publisher named ${publisher} is registered here.`, { next: "Register the name first." });
  }

  async #delegation(publisher: string): Promise<Delegation | undefined> {
    return this.#delegations.get(publisher) ?? (await readSigned<Delegation>(this.#dir, "PublisherKeys", delegationPath(publisher)))?.signed;
  }

  #delegate(delegation: Delegation): void {
    this.#delegations.set(delegation.publisher, delegation);
    this.#file(delegationPath(delegation.publisher), prettyJson(this.sign(delegation)));
  }

  /** Keys as `registry.json` lists them for whoever publishes, by publishers that this commit changed. */
  publicKeys(): Map<string, PublicKey[]> {
    return new Map([...this.#delegations].map(([publisher, delegation]) => [publisher, activeKeys(delegation)]));
  }

  sign<T>(document: T): Signed<T> {
    return signDocument(document, this.#keys.targets);
  }

  #file(path: string, text: string): void {
    this.files.set(path, text);
    this.leaves.set(path, leafOf(Buffer.from(text)));
  }
}

export function leafOf(bytes: Uint8Array): Leaf {
  return { sha256: pageHash(bytes), length: bytes.length };
}

function byAge(a: PackageVersion, b: PackageVersion): number {
  return a.publishedAt === b.publishedAt ? semver.compareBuild(a.version, b.version) : a.publishedAt < b.publishedAt ? -1 : 1;
}
