import type { BigIntStats } from "node:fs";
import { type FileHandle, lstat } from "node:fs/promises";
import type { OpenFolder } from "./open-files.ts";

/** So much of a file is read; what is longer is told by its size. */
const MOST_BYTES = 1_048_576;
const MOST_HELD = 512;
/** A file that was changed so lately may be changed again without its time telling. */
const SETTLED_NS = 100_000_000n;

/** The text of a file: its beginning and its end, as far as any of it is sent. */
export interface Text {
  readonly start: string;
  readonly end: string;
  /** Characters of the whole; of one that is too long to be read, bytes. */
  readonly whole: number;
  readonly real: string;
  readonly times: { ctimeMs: number; mtimeMs: number };
}

interface Held {
  key: string;
  text: Text;
}

/** Texts of files, read anew only where a look at the file's own times says that it changed. */
export class Texts {
  readonly #held = new Map<string, Held>();
  readonly #keep: number;

  /** @param keep characters kept of a file's beginning, and of its end. */
  constructor(keep: number) {
    this.#keep = keep;
  }

  async of(folder: OpenFolder, name: string): Promise<Text | "missing" | "refused"> {
    const held = this.#held.get(`${folder.real}/${name}`);
    // A link says nothing of the file that it leads to.
    const seen = held === undefined ? undefined : await lstat(folder.child(name), { bigint: true }).catch(() => undefined);
    if (held !== undefined && seen?.isFile() && keyOf(seen) === held.key) return held.text;
    const file = await folder.file(name);
    if (typeof file === "string") {
      this.#held.delete(`${folder.real}/${name}`);
      return file;
    }
    try {
      return await this.#read(file, `${folder.real}/${name}`);
    } finally {
      await file.close();
    }
  }

  async #read(file: FileHandle, real: string): Promise<Text | "refused"> {
    const stat = await file.stat({ bigint: true });
    const key = keyOf(stat);
    const held = this.#held.get(real);
    if (held?.key === key) return held.text;
    const bytes = Buffer.alloc(Math.min(Number(stat.size), MOST_BYTES));
    let length = 0;
    for (let read = 1; read > 0 && length < bytes.length; length += read)
      read = (await file.read(bytes, length, bytes.length - length, length)).bytesRead;
    if (bytes.subarray(0, length).includes(0)) return "refused";
    const all = bytes
      .toString("utf8", 0, length)
      .replace(/^\uFEFF/, "")
      .replace(/\r\n?/g, "\n")
      .trim();
    const text: Text = {
      start: all.slice(0, this.#keep),
      end: all.slice(-this.#keep),
      whole: stat.size > MOST_BYTES ? Number(stat.size) : all.length,
      real,
      times: { ctimeMs: Number(stat.ctimeMs), mtimeMs: Number(stat.mtimeMs) },
    };
    this.#held.delete(real);
    const changed = stat.mtimeNs > stat.ctimeNs ? stat.mtimeNs : stat.ctimeNs;
    if (BigInt(Date.now()) * 1_000_000n - changed > SETTLED_NS) this.#held.set(real, { key, text });
    for (const oldest of this.#held.keys()) if (this.#held.size > MOST_HELD) this.#held.delete(oldest);
    return text;
  }
}

const keyOf = ({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string => `${dev} ${ino} ${size} ${mtimeNs} ${ctimeNs}`;

/** At most so many characters of it: its beginning and its end, and between them what is left out. undefined: not worth it. */
export function shortened(name: string, { start, end, whole }: Text, most: number): string | undefined {
  if (whole <= Math.min(most, start.length)) return start;
  const mark = `\n\n[… ${whole.toLocaleString("en")} characters: the middle of ${name} is left out …]\n\n`;
  const room = most - mark.length;
  if (room < LEAST) return undefined;
  const last = Math.floor(room / 5);
  return `${start.slice(0, room - last).replace(/[\uD800-\uDBFF]$/, "")}${mark}${end.slice(-last).replace(/^[\uDC00-\uDFFF]/, "")}`;
}

const LEAST = 200;
