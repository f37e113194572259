import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { constants } from "node:fs";
import { link, open, rm } from "node:fs/promises";
import { join } from "node:path";
import { PlinthError } from "@plinth/sdk";

const FORM = /^[A-Za-z0-9_-]{43}$/;

/** The gateway's token: 32 random bytes, base64url, made once and kept in `<dir>/token` for its owner only. */
export async function loadToken(dir: string): Promise<string> {
  const file = join(dir, "token");
  return (await readToken(file)) ?? (await createToken(file));
}

/** Compares in constant time: both sides are hashed, so that neither length nor content shows in the time. */
export class TokenCheck {
  /** Of its holder: the same for the same token, and nothing from which it could be told. */
  readonly holder: string;
  readonly #expected: Buffer;
  readonly #length: number;
  readonly #base = randomBytes(4).readInt32LE() | 1;
  readonly #sum: number;

  constructor(token: string) {
    this.#expected = digest(token);
    this.holder = digest(`holder\n${token}`).toString("base64url").slice(0, 22);
    this.#length = token.length;
    this.#sum = [...token].reduce((sum, _one, at) => (Math.imul(sum, this.#base) + token.charCodeAt(at)) | 0, 0);
  }

  matches(candidate: unknown): boolean {
    return typeof candidate === "string" && candidate.length <= 512 && timingSafeEqual(digest(candidate), this.#expected);
  }

  /**
   * Whether the token stands somewhere in a text, such as a header, whatever is around it: as it is, percent-encoded, or in
   * the base64 of a `Basic` login.
   */
  within(text: string): boolean {
    const plain = [text, ...unescaped(text)];
    return [...plain, ...plain.flatMap(fromBase64)].some((one) => this.#isIn(one));
  }

  /** A rolling sum with a secret base finds the places; how long that takes says nothing of the token. What is found is compared. */
  #isIn(text: string): boolean {
    let leaving = 1;
    for (let count = 1; count < this.#length; count += 1) leaving = Math.imul(leaving, this.#base);
    let sum = 0;
    for (let at = 0; at < text.length; at += 1) {
      const start = at - this.#length;
      if (start >= 0) sum = (sum - Math.imul(text.charCodeAt(start), leaving)) | 0;
      sum = (Math.imul(sum, this.#base) + text.charCodeAt(at)) | 0;
      if (sum === this.#sum && start >= -1 && this.matches(text.slice(start + 1, at + 1))) return true;
    }
    return false;
  }
}

/** The token of an `Authorization: Bearer` header; undefined without one. */
export function bearer(header: string | undefined): string | undefined {
  if (header === undefined) return undefined;
  return /^bearer +(\S+) *$/i.exec(header)?.[1];
}

/** Without percent-encoding, as often as it was put on, three times at most. */
function unescaped(text: string): string[] {
  const forms: string[] = [];
  for (let before = text; forms.length < 3; before = forms.at(-1) as string) {
    const after = before.replace(/%([0-9a-f]{2})/gi, (_all, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
    if (after === before) break;
    forms.push(after);
  }
  return forms;
}

/** What a `Basic` header or another base64 word says, wherever in the word it begins. */
function fromBase64(text: string): string[] {
  const words = text.match(/[A-Za-z0-9+/_-]{44,}/g) ?? [];
  return words.flatMap((word) => [0, 1, 2, 3].map((from) => Buffer.from(word.slice(from), "base64").toString("latin1")));
}

const digest = (text: string): Buffer => createHash("sha256").update(text).digest();

async function readToken(file: string): Promise<string | undefined> {
  // O_NOFOLLOW and checks on the descriptor: what is checked is what is read.
  const handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw broken(file, error.code === "ELOOP" ? "it is a symbolic link" : (error.code ?? "it cannot be opened"));
  });
  if (handle === undefined) return undefined;
  try {
    const stat = await handle.stat();
    if (!stat.isFile()) throw broken(file, "it is not a file");
    if (process.getuid !== undefined && stat.uid !== process.getuid()) throw broken(file, "it belongs to another user");
    if ((stat.mode & 0o077) !== 0) throw broken(file, "other users could read it, so that it is no secret any more");
    if (stat.size > 256) throw broken(file, "it is too long");
    const token = (await handle.readFile("utf8")).trim();
    if (!FORM.test(token)) throw broken(file, "it does not hold a token");
    return token;
  } finally {
    await handle.close();
  }
}

async function createToken(file: string): Promise<string> {
  const token = randomBytes(32).toString("base64url");
  const draft = `${file}.${process.pid}.${randomBytes(4).toString("hex")}`;
  try {
    const handle = await open(draft, "wx", 0o600);
    try {
      await handle.writeFile(`${token}\n`);
      await handle.sync();
    } finally {
      await handle.close();
    }
    // A link either makes the whole file or fails: nobody reads half a token, and two starters agree on one.
    await link(draft, file);
    return token;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw broken(file, `it cannot be written: ${(error as Error).message}`);
    const other = await readToken(file);
    if (other === undefined) throw broken(file, "it vanished while it was read");
    return other;
  } finally {
    await rm(draft, { force: true });
  }
}

const broken = (file: string, why: string): PlinthError =>
  new PlinthError("PLINTH_TOKEN_BROKEN", `The gateway's token file ${file} is not usable: ${why}.`, {
    extension: "plinth.gateway",
    next: "Delete the file and start the gateway again; it makes a new token.",
  });
