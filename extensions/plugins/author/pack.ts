import { writeFile } from "node:fs/promises";
import { dirname, relative, resolve } from "node:path";
import { type Author, answer, type CommandInput, pathOf, type TerminalItem, word } from "./command.ts";

/** `plinth pack [DIR]`: one tarball, ready to install or publish. */
export async function* pack({ product }: Author, input: CommandInput): AsyncIterable<TerminalItem> {
  const { makeFolders, packExtension, versionNotes } = await import("@plinth/registry");
  const dir = pathOf(input, word(input.args, "dir"));
  const { manifest, tarball, integrity, size, files, fileName } = await packExtension(dir, sdkOf(product.sdk()));
  const file = resolve(input.terminal.cwd, word(input.options, "out") ?? fileName);
  makeFolders(dirname(file));
  await writeFile(file, tarball);
  const { id, version } = manifest;
  const notes = versionNotes(manifest, product.version);
  yield answer(input, { id, version, file, size, integrity, files, notes }, [
    `Packed ${id} ${version} into ${relative(input.terminal.cwd, file) || file}`,
    `  size       ${size} bytes, ${files.length} files`,
    `  integrity  ${integrity}`,
    ...notes.map((note) => `warning: ${note}`),
  ]);
}

export function sdkOf(sdk: string | undefined): { sdkDir?: string } {
  return sdk === undefined ? {} : { sdkDir: sdk };
}
