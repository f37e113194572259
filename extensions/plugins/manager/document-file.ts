import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { resolve } from "node:path";
import { PlinthError } from "@plinth/sdk";
import type { Operation } from "./operation.ts";
import { code as shown } from "./report.ts";

const MAX_BYTES = 16 * 1_048_576;
const SHOWN_HASH = 16;

/** What `import` of a document is told: the confirmation names the bytes that were shown. */
export const importOptions = {
  yes: { type: "boolean", short: "y", summary: "Do not ask" },
  sha256: { type: "string", value: "HASH", summary: "Only if the file's SHA-256 begins like this" },
} satisfies Operation["options"];

/** A document as it stands in its file, which must be the one that was shown, where one was. */
export async function readShown(
  input: Readonly<Record<string, unknown>>,
  cwd: string,
  code: string,
): Promise<{ file: string; text: string; sha256: string }> {
  const file = resolve(cwd, String(input.file));
  const text = await readTextFile(file, code);
  const sha256 = createHash("sha256").update(text).digest("hex");
  const wanted = input.sha256;
  if (typeof wanted === "string" && (wanted.length < SHOWN_HASH || !sha256.startsWith(wanted.toLowerCase())))
    throw new PlinthError(code, `${file} is not the file that was shown.`, {
      next: "Import it again without --sha256 and look at what it would do.",
    });
  return { file, text, sha256 };
}

/** The question after a document was shown, and the words that say yes to exactly these bytes. */
export function askOf(group: string, file: unknown, sha256: string, question: string) {
  const argv = [group, "import", String(file), "--sha256", sha256.slice(0, SHOWN_HASH), "--yes"];
  return { block: { text: `Yes: ${shown(`plinth ${argv.join(" ")}`)}` }, confirm: { question, argv } };
}

/** Writes a document into a new file, or gives it back to be printed where none is named. */
export async function exportTo<D extends object>(
  document: D,
  exported: string[],
  file: unknown,
  cwd: string,
  code: string,
): Promise<D | { file: string; exported: string[] }> {
  if (typeof file !== "string") return document;
  const path = resolve(cwd, file);
  await writeNewFile(path, `${JSON.stringify(document, null, 2)}\n`, code);
  return { file: path, exported };
}

/** Never over something that is there, never readable by others. */
export async function writeNewFile(file: string, text: string, code: string): Promise<void> {
  const handle = await open(file, "wx", 0o600).catch((thrown: NodeJS.ErrnoException) => {
    throw new PlinthError(code, `${file} cannot be written: ${thrown.code === "EEXIST" ? "it is there already" : thrown.code}.`, {
      next: "Name a new file in a folder that is there.",
    });
  });
  try {
    await handle.writeFile(text);
  } finally {
    await handle.close();
  }
}

/** A plain file of bearable size. */
export async function readTextFile(file: string, code: string): Promise<string> {
  const wrong = (why: string) => new PlinthError(code, `${file} cannot be read: ${why}.`, { next: "Check the path." });
  const handle = await open(file, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0)).catch((thrown: NodeJS.ErrnoException) => {
    throw wrong(String(thrown.code));
  });
  try {
    const found = await handle.stat();
    if (!found.isFile()) throw wrong("it is not a file");
    if (found.size > MAX_BYTES) throw wrong(`it is larger than ${MAX_BYTES} bytes`);
    return await handle.readFile("utf8");
  } finally {
    await handle.close();
  }
}
