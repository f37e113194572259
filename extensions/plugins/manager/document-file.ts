import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { PlinthError } from "@plinth/sdk";

const MAX_BYTES = 16 * 1_048_576;

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
