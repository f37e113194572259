import { type FileHandle, open, rm } from "node:fs/promises";
import { extname, resolve } from "node:path";
import { type Client, PlinthError } from "@plinth/sdk";

export interface Saved {
  readonly path: string;
  readonly mimeType: string;
  readonly bytes: number;
}

const MOST_NAMES = 1_000;

/** By what comes after the slash of a type; others keep that word. */
const ENDINGS: Readonly<Record<string, string>> = {
  mpeg: "mp3",
  ogg: "ogg",
  jpeg: "jpg",
  "x-wav": "wav",
  "svg+xml": "svg",
  plain: "txt",
  quicktime: "mov",
};

/** New files of one try: never over something that is there, never half of one, never readable by others. */
export class MadeFiles {
  readonly saved: Saved[] = [];
  readonly #cwd: string;
  readonly #name: string;
  readonly #out: string | undefined;
  #open: { path: string; handle: FileHandle } | undefined;

  /** @param name before the ending, where none is given @param out a file that is wanted, from the folder `cwd` */
  constructor(cwd: string, name: string, out: string | undefined) {
    this.#cwd = cwd;
    this.#name = name;
    this.#out = out === undefined ? undefined : resolve(cwd, out);
  }

  /** Before anything is paid for: whether the file that is wanted can be written. Throws PLINTH_FILE. */
  async reserve(): Promise<void> {
    if (this.#out === undefined) return;
    const handle = await open(this.#out, "wx", 0o600).catch((thrown: NodeJS.ErrnoException) => {
      const why = thrown.code === "EEXIST" ? "it is there already" : String(thrown.code);
      throw new PlinthError("PLINTH_FILE", `${this.#out} cannot be written: ${why}.`, { next: "Name a new file in a folder that is there." });
    });
    this.#open = { path: this.#out, handle };
  }

  /** Whether one was named that nothing was written into so far. */
  get waits(): boolean {
    return this.#open !== undefined;
  }

  /** @param ending of a name that is chosen here; default: what the type says */
  async save(mimeType: string, pieces: AsyncIterable<string> | Iterable<string>, ending = endingOf(mimeType)): Promise<Saved> {
    const { path, handle } = this.#open ?? (await this.#next(ending));
    this.#open = { path, handle };
    let bytes = 0;
    for await (const base64 of pieces) {
      const piece = Buffer.from(base64, "base64");
      await handle.writeFile(piece);
      bytes += piece.length;
    }
    await handle.close();
    this.#open = undefined;
    const one = { path, mimeType, bytes };
    this.saved.push(one);
    return one;
  }

  /** What was begun and not ended is taken away. */
  async close(): Promise<void> {
    const begun = this.#open;
    this.#open = undefined;
    if (begun === undefined) return;
    await begun.handle.close();
    await rm(begun.path, { force: true });
  }

  async #next(chosen: string): Promise<{ path: string; handle: FileHandle }> {
    const ending = this.#out === undefined ? `.${chosen}` : extname(this.#out);
    const stem = this.#out === undefined ? resolve(this.#cwd, this.#name) : this.#out.slice(0, this.#out.length - ending.length);
    for (let at = 1; at <= MOST_NAMES; at++) {
      const path = `${stem}${at === 1 ? "" : `-${at}`}${ending}`;
      try {
        return { path, handle: await open(path, "wx", 0o600) };
      } catch (thrown) {
        const { code } = thrown as NodeJS.ErrnoException;
        if (code !== "EEXIST") throw new PlinthError("PLINTH_FILE", `${path} cannot be written: ${code}.`, { next: "Name a file with --out." });
      }
    }
    throw new PlinthError("PLINTH_FILE", `${stem}${ending} and ${MOST_NAMES} names like it are there already.`, { next: "Name a file with --out." });
  }
}

function endingOf(mimeType: string): string {
  const word = mimeType.split(/[/;]/)[1]?.trim().toLowerCase() ?? "";
  return ENDINGS[word] ?? (word.replace(/[^a-z0-9]/g, "") || "bin");
}

type Part = { base64?: string | undefined; artifact?: string | undefined };

/** The bytes of something that a model made, in pieces of base64. */
export async function* piecesOf({ base64, artifact }: Part, artifacts: () => Pick<Client<"plinth.artifacts">, "read">, signal: AbortSignal) {
  if (base64 !== undefined) yield base64;
  else if (artifact !== undefined) for await (const piece of artifacts().read({ id: artifact }, { signal })) yield piece.base64;
}
