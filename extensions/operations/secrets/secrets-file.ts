import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { PlinthError } from "@plinth/sdk";
import { withoutMark, writeAtomic } from "@plinth/sdk/home";

const MAX_BYTES = 1_048_576;
/** Neither a link nor a wait: a pipe would block until somebody writes into it. */
const FLAGS = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);
const SHAPE = 'Write it like { "OPENAI_API_KEY": "…" }.';

/** One value, or null. Read anew each time, so that an edit applies at once. No message ever shows what stands in the file. */
export async function readSecret(path: string, name: string): Promise<string | null> {
  const text = await textIn(path);
  return text === null ? null : pick(path, text, name);
}

/** Put one value into the file, beside what stands there. A file that cannot be read is left as it is. */
export async function keepSecret(path: string, name: string, value: string): Promise<void> {
  const text = await textIn(path);
  const secrets = text === null ? {} : parsed(path, text);
  await writeAtomic(path, `${JSON.stringify({ ...secrets, [name]: value }, null, 2)}\n`, { mode: 0o600 });
}

/** What stands in the file; null where there is none. */
async function textIn(path: string): Promise<string | null> {
  const file = await open(path, FLAGS).catch((thrown: NodeJS.ErrnoException) => {
    if (thrown.code === "ENOENT") return null;
    throw invalid(path, `cannot be opened (${thrown.code})`, "Make it a plain file that you own.");
  });
  if (file === null) return null;
  try {
    return await readPrivate(path, file);
  } finally {
    await file.close();
  }
}

/** The check of who may read it acts on the open file. */
async function readPrivate(path: string, file: FileHandle): Promise<string> {
  const found = await file.stat();
  if (!found.isFile()) throw invalid(path, "is not a file", "Make it a plain file that you own.");
  if (process.platform !== "win32" && (found.mode & 0o077) !== 0) throw invalid(path, "can be read by others", `Run: chmod 600 '${path}'`);
  if (found.size > MAX_BYTES) throw invalid(path, `is larger than ${MAX_BYTES} bytes`, SHAPE);
  return file.readFile("utf8");
}

function pick(path: string, text: string, name: string): string | null {
  const secrets = parsed(path, text);
  const value = Object.hasOwn(secrets, name) ? secrets[name] : "";
  if (typeof value !== "string") throw invalid(path, `has something else than a string for ${name}`, SHAPE);
  return value === "" ? null : value;
}

function parsed(path: string, text: string): Record<string, unknown> {
  let secrets: unknown;
  try {
    secrets = JSON.parse(withoutMark(text));
  } catch {
    // What the parser says would show a piece of the text.
    throw invalid(path, "is not JSON", SHAPE);
  }
  if (typeof secrets !== "object" || secrets === null || Array.isArray(secrets)) throw invalid(path, "is not a JSON object", SHAPE);
  return secrets as Record<string, unknown>;
}

const invalid = (path: string, why: string, next: string): PlinthError =>
  new PlinthError("PLINTH_SECRETS_FILE", `${path} ${why}.`, { extension: "plinth.secrets", next });
