import { join } from "node:path";
import type { PublisherKey } from "@plinth/registry";
import { type Author, type CommandInput, pathOf, word } from "../command.ts";

export interface FoundKey {
  key: PublisherKey;
  file: string;
  /** It was made just now. */
  made: boolean;
}

/** The key that is named, or the publisher's own. A missing one of these is made when `make` says so. */
export async function publisherKey(author: Author, input: CommandInput, publisher: string, make: boolean): Promise<FoundKey> {
  const { generateKey, readKeyFile, writeKeyFile } = await import("@plinth/registry");
  const named = word(input.options, "key");
  const file = named === undefined ? join(author.keyFolder, `${publisher}.key.json`) : pathOf(input, named);
  try {
    return { key: await readKeyFile(file), file, made: false };
  } catch (error) {
    if (!make || named !== undefined || (error as { cause?: { code?: string } }).cause?.code !== "ENOENT") throw error;
    const key = generateKey(publisher);
    await writeKeyFile(file, key);
    return { key, file, made: true };
  }
}

/** Whether that key is there, without making one. */
export async function knownKey(author: Author, input: CommandInput, publisher: string): Promise<FoundKey | undefined> {
  return publisherKey(author, input, publisher, false).catch((error: { code?: string; cause?: { code?: string } }) => {
    if (word(input.options, "key") === undefined && error.cause?.code === "ENOENT") return undefined;
    throw error;
  });
}
