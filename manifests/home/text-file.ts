import { readFile } from "node:fs/promises";

const BOM = "\uFEFF";

/** A text without the mark that some editors put in front of it. */
export const withoutMark = (text: string): string => (text.startsWith(BOM) ? text.slice(1) : text);

/** What was put in front of a text: the mark, or nothing. */
export const markOf = (text: string): string => (text.startsWith(BOM) ? BOM : "");

/** Whether every line ends as on Windows; a file of both kinds counts as neither. */
export const hasCrlf = (text: string): boolean => text.includes("\r\n") && !/(?<!\r)\n/.test(text);

/** The bytes of a file as text, the mark included; undefined where there is no file. */
export async function readTextIfAny(file: string): Promise<string | undefined> {
  return await readFile(file, "utf8").catch((thrown: NodeJS.ErrnoException) => {
    if (thrown.code === "ENOENT") return undefined;
    throw thrown;
  });
}

/**
 * A JSON document of the home, whatever editor touched it; undefined where there is no file.
 *
 * @throws SyntaxError where it is not JSON.
 */
export async function readJsonIfAny(file: string): Promise<unknown> {
  const text = await readTextIfAny(file);
  return text === undefined ? undefined : JSON.parse(withoutMark(text));
}
