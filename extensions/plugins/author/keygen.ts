import { join } from "node:path";
import { type Author, answer, type CommandInput, pathOf, type TerminalItem, word } from "./command.ts";

/** `plinth keygen PUBLISHER`: a new key in a file of its own. */
export async function* keygen({ keyFolder }: Author, input: CommandInput): AsyncIterable<TerminalItem> {
  const { generateKey, writeKeyFile } = await import("@plinth/registry");
  const key = generateKey(word(input.args, "publisher") ?? "");
  const out = word(input.options, "out");
  const file = out === undefined ? join(keyFolder, `${key.publisher}.key.json`) : pathOf(input, out);
  await writeKeyFile(file, key);
  const { publisher, keyId, publicKey } = key;
  yield answer(input, { publisher, keyId, publicKey, file }, [
    `Made a key for ${publisher} in ${file}`,
    `  key id  ${keyId}`,
    "Keep the file secret and backed up: whoever has it can publish in this name, and nobody else can.",
  ]);
}
