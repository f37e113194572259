import { randomBytes } from "node:crypto";
import { type ArtifactInfo, type Call, isProduct, type PlinthError, type Provider } from "@plinth/sdk";
import type { Blobs, Incoming } from "./blobs.ts";
import { busy, busyOf, full, notYours, outside, tooLarge, unknown, unknownUpload } from "./errors.ts";
import { infoOf, type Row, type Shelf } from "./shelf.ts";

type Contract = Provider<"plinth.artifacts">;
type Input<K extends keyof Contract> = Parameters<Contract[K]>[0];
type Who = Pick<Call, "caller" | "work">;

export interface Limits {
  maxMb: number;
  maxMbOfOthers: number;
  maxMbOfOne: number;
}

interface Upload {
  readonly payer: string | null;
  readonly incoming: Incoming;
  /** What it takes up, with the piece that comes in. */
  bytes: number;
  touched: number;
  busy: boolean;
}

const MIB = 1_048_576;
const MONTH_MS = 30 * 86_400_000;
const UPLOAD_MS = 10 * 60_000;
const MAX_UPLOADS = 64;
/** Of all guests and third parties together: the owner has room left. */
const MAX_UPLOADS_OF_OTHERS = 48;
const MAX_UPLOADS_OF_ONE = 8;

/** Bytes on the shelf: who may put, see and drop what, and how much. */
export class Artifacts {
  readonly #shelf: Shelf;
  readonly #blobs: Blobs;
  readonly #limits: Limits;
  readonly #now: () => number;
  readonly #uploads = new Map<string, Upload>();
  #settled: Promise<unknown> = Promise.resolve();

  constructor(shelf: Shelf, blobs: Blobs, limits: Limits, now: () => number) {
    this.#shelf = shelf;
    this.#blobs = blobs;
    this.#limits = limits;
    this.#now = now;
  }

  async put(input: Input<"put">, who: Who): Promise<{ artifact?: ArtifactInfo; upload?: string }> {
    const payer = payerOf(who);
    const [id, upload] = await this.#upload(input.upload, payer);
    try {
      const piece = Buffer.from(input.base64, "base64");
      if (upload.bytes + piece.length > this.#limits.maxMbOfOne * MIB) throw tooLarge(this.#limits.maxMbOfOne);
      upload.bytes += piece.length;
      await this.#room(payer);
      await upload.incoming.add(piece);
      if (input.more === true) {
        upload.touched = this.#now();
        upload.busy = false;
        return { upload: id };
      }
      return { artifact: await this.#keep(input, id, upload) };
    } catch (error) {
      this.#uploads.delete(id);
      await upload.incoming.abandon();
      throw error;
    }
  }

  get({ id }: Input<"get">): { artifact: ArtifactInfo } {
    return { artifact: infoOf(this.#row(id)) };
  }

  async *read({ id, offset = 0, length }: Input<"read">): AsyncGenerator<{ base64: string }> {
    for await (const piece of this.bytes(id, offset, length)) yield { base64: piece.toString("base64") };
  }

  bytes(id: string, offset: number, length?: number): AsyncIterable<Buffer> {
    const { sha, bytes } = this.#row(id);
    if (offset > bytes || (offset === bytes && bytes > 0)) throw outside(id, bytes);
    return this.#blobs.read(sha, bytes, offset, Math.min(length ?? bytes, bytes - offset));
  }

  list({ limit = 100, cursor, session, mimeType }: Input<"list">, who: Who): { artifacts: ArtifactInfo[]; next?: string } {
    const before = cursor === undefined ? Number.MAX_SAFE_INTEGER : Number(cursor) || 0;
    const rows = this.#shelf.list(before, this.#now(), payerOf(who), session ?? null, mimeType ?? null, limit);
    const artifacts = rows.map(infoOf);
    return rows.length < limit ? { artifacts } : { artifacts, next: String(rows.at(-1)!.seq) };
  }

  keep({ id, ttlMs }: Input<"keep">, who: Who): { artifact: ArtifactInfo } {
    this.#own(id, who);
    this.#shelf.keep(id, this.#expiry(ttlMs ?? undefined, payerOf(who)));
    return this.get({ id });
  }

  async drop({ id }: Input<"drop">, who: Who): Promise<{ dropped: boolean }> {
    if (this.#shelf.get(id, this.#now()) === undefined) return { dropped: false };
    const { sha } = this.#own(id, who);
    this.#shelf.drop(id);
    await this.#free([sha]);
    return { dropped: true };
  }

  usage(): { artifacts: number; bytes: number; limit: number } {
    const { bytes, count } = this.#shelf.total();
    return { artifacts: count, bytes, limit: this.#limits.maxMb * MIB };
  }

  /** Let go of what has expired, of uploads that nobody goes on with, and of what a crash left. */
  async sweep(): Promise<void> {
    await this.#giveUp();
    await this.#free(this.#shelf.expire(this.#now()));
    await this.#blobs.sweep((sha256) => this.#shelf.holds(sha256));
  }

  async close(): Promise<void> {
    for (const { incoming } of this.#uploads.values()) await incoming.abandon();
    this.#uploads.clear();
    this.#shelf.close();
  }

  async #giveUp(): Promise<void> {
    for (const [id, upload] of this.#uploads) {
      if (upload.busy || this.#now() - upload.touched < UPLOAD_MS) continue;
      this.#uploads.delete(id);
      await upload.incoming.abandon();
    }
  }

  /** The upload that a piece is for, busy until the piece is in it. */
  async #upload(id: string | undefined, payer: string | null): Promise<[string, Upload]> {
    if (id !== undefined) {
      const upload = this.#uploads.get(id);
      if (upload === undefined || upload.payer !== payer || upload.busy) throw unknownUpload();
      upload.busy = true;
      return [id, upload];
    }
    if (this.#crowded(payer) !== undefined) await this.#giveUp();
    const incoming = await this.#blobs.begin();
    const crowded = this.#crowded(payer);
    if (crowded !== undefined) {
      await incoming.abandon();
      throw crowded;
    }
    const begun = randomBytes(16).toString("hex");
    const upload = { payer, incoming, bytes: 0, touched: this.#now(), busy: true };
    this.#uploads.set(begun, upload);
    return [begun, upload];
  }

  /** Why no upload may be begun now. */
  #crowded(payer: string | null): PlinthError | undefined {
    if (this.#uploads.size >= MAX_UPLOADS) return busy();
    if (payer === null) return undefined;
    const others = [...this.#uploads.values()].flatMap((one) => one.payer ?? []);
    if (others.filter((one) => partyOf(one) === partyOf(payer)).length >= MAX_UPLOADS_OF_ONE) return busyOf(payer, MAX_UPLOADS_OF_ONE);
    return others.length >= MAX_UPLOADS_OF_OTHERS ? busy() : undefined;
  }

  async #keep({ mimeType: mime, name, session, ttlMs }: Input<"put">, upload: string, { incoming, payer }: Upload): Promise<ArtifactInfo> {
    return this.#oneByOne(async () => {
      const { sha256: sha, bytes } = await this.#blobs.settle(incoming);
      const facts = [payer, mime, name ?? null, session ?? null];
      const id = this.#shelf.idOf(sha, facts);
      const row = { id, sha, bytes, mime, name: name ?? null, session: session ?? null, payer, at: this.#now() };
      this.#shelf.put({ ...row, expires: this.#expiry(ttlMs, payer) });
      // Up to here it took up room as an upload.
      this.#uploads.delete(upload);
      return infoOf(this.#row(id));
    });
  }

  /** Before a piece is written, whose bytes its upload counts already: what expired goes first. */
  async #room(payer: string | null): Promise<void> {
    const problem = (): PlinthError | undefined => {
      const { maxMb, maxMbOfOthers } = this.#limits;
      const party = payer === null ? null : partyOf(payer);
      if (party !== null && this.#shelf.paid(party) + this.#coming(party) > maxMbOfOthers * MIB) return full(party, maxMbOfOthers);
      return this.#shelf.total().bytes + this.#coming() > maxMb * MIB ? full(null, maxMb) : undefined;
    };
    if (problem() === undefined) return;
    await this.#free(this.#shelf.expire(this.#now()));
    const left = problem();
    if (left !== undefined) throw left;
  }

  /** Bytes of uploads that are not on the shelf yet: of one party, or of all. */
  #coming(party?: string): number {
    let bytes = 0;
    for (const one of this.#uploads.values()) if (party === undefined || (one.payer !== null && partyOf(one.payer) === party)) bytes += one.bytes;
    return bytes;
  }

  #expiry(ttlMs: number | undefined, payer: string | null): number | null {
    if (payer === null) return ttlMs === undefined ? null : this.#now() + ttlMs;
    return this.#now() + Math.min(ttlMs ?? MONTH_MS, MONTH_MS);
  }

  async #free(digests: readonly string[]): Promise<void> {
    if (digests.length === 0) return;
    await this.#oneByOne(async () => {
      for (const sha256 of digests) if (!this.#shelf.holds(sha256)) await this.#blobs.remove(sha256);
    });
  }

  /** A file comes to its place and is noted, or is forgotten and goes: the two never at once. */
  #oneByOne<T>(body: () => Promise<T>): Promise<T> {
    const done = this.#settled.then(body);
    this.#settled = done.catch(() => {});
    return done;
  }

  #row(id: string): Row {
    const row = this.#shelf.get(id, this.#now());
    if (row === undefined) throw unknown(id);
    return row;
  }

  #own(id: string, who: Who): Row {
    const row = this.#row(id);
    const payer = payerOf(who);
    if (payer !== null && row.payer !== payer) throw notYours(id);
    return row;
  }
}

/** On whose behalf somebody keeps something; null = the owner or the product itself. */
function payerOf({ caller, work }: Who): string | null {
  if (work?.principal.role === "guest") return work.principal.via.slice(0, 200);
  return isProduct(caller) ? null : caller;
}

/** Guests of a third party's extension pay together with it: it could bring as many as it likes. */
const partyOf = (payer: string): string => (payer.startsWith("plinth.") ? payer : (payer.split(":")[0] ?? payer));
