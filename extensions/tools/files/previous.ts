import { createHash, randomBytes } from "node:crypto";
import { mkdir, open, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { PlinthError } from "@plinth/sdk";

/** What stood in a file before a turn that others had a hand in wrote it. */
export interface Previous {
  id: string;
  /** Milliseconds since the epoch. */
  at: number;
  sessionKey: string;
  /** Real path of the file. */
  path: string;
  parties: string[];
  /** sha256 of what was written; null where nothing stood there before. */
  wrote: string;
  existed: boolean;
  bytes: number;
}

const MOST = 200;
const MOST_BYTES = 64 * 1_048_576;
const KEPT_MS = 30 * 86_400_000;

/** Keeps those bytes, each as one file of the extension's own folder; the oldest go first. */
export class PreviousBytes {
  readonly #dir: string;
  readonly #now: () => number;

  constructor(dir: string, now: () => number) {
    this.#dir = join(dir, "previous");
    this.#now = now;
  }

  /** Before the write; `before` is null where nothing stood there. */
  async keep(facts: { sessionKey: string; path: string; parties: string[] }, before: Uint8Array | null, after: Uint8Array): Promise<Previous> {
    await mkdir(this.#dir, { recursive: true, mode: 0o700 });
    const at = this.#now();
    const id = `${at.toString(36)}-${randomBytes(3).toString("hex")}`;
    const previous: Previous = { id, at, ...facts, wrote: sha256(after), existed: before !== null, bytes: before?.length ?? 0 };
    const file = await open(join(this.#dir, id), "wx", 0o600);
    try {
      await file.writeFile(`${JSON.stringify(previous)}\n`);
      if (before !== null) await file.writeFile(before);
      await file.sync();
    } finally {
      await file.close();
    }
    await this.#prune();
    return previous;
  }

  /** Newest first. */
  async list(sessionKey?: string): Promise<Previous[]> {
    const all: Previous[] = [];
    for (const name of await this.#names()) {
      const { previous } = await this.#read(name);
      if (sessionKey === undefined || previous.sessionKey === sessionKey) all.push(previous);
    }
    return all;
  }

  async take(id: string): Promise<{ previous: Previous; before: Buffer }> {
    if (!/^[a-z0-9]+-[0-9a-f]{6}$/.test(id) || !(await this.#names()).includes(id)) {
      throw new PlinthError("PLINTH_UNDO_UNKNOWN", `Nothing with the id ${JSON.stringify(id.slice(0, 40))} can be taken back.`, {
        next: "`/undo` shows what can.",
      });
    }
    return this.#read(id);
  }

  async drop(id: string): Promise<void> {
    await rm(join(this.#dir, id), { force: true });
  }

  async #read(name: string): Promise<{ previous: Previous; before: Buffer }> {
    const bytes = await readFile(join(this.#dir, name));
    const end = bytes.indexOf(10);
    return { previous: JSON.parse(bytes.subarray(0, end).toString("utf8")) as Previous, before: bytes.subarray(end + 1) };
  }

  async #names(): Promise<string[]> {
    const names = await readdir(this.#dir).catch((error) => {
      if (error.code === "ENOENT") return [];
      throw error;
    });
    return names.sort((a, b) => timeOf(b) - timeOf(a) || (a < b ? 1 : -1));
  }

  async #prune(): Promise<void> {
    let bytes = 0;
    for (const [at, name] of (await this.#names()).entries()) {
      const { previous } = await this.#read(name);
      bytes += previous.bytes;
      if (at > 0 && (at >= MOST || bytes > MOST_BYTES || previous.at < this.#now() - KEPT_MS)) await this.drop(name);
    }
  }
}

export const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
const timeOf = (name: string): number => Number.parseInt(name.split("-")[0] ?? "0", 36);
