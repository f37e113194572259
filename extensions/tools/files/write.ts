import { randomUUID } from "node:crypto";
import { constants, type Stats } from "node:fs";
import { type FileHandle, lstat, open, rename, unlink } from "node:fs/promises";
import { type Call, PlinthError, type ToolResult } from "@plinth/sdk";
import type { Memory } from "./memory.ts";
import { readWhole } from "./read.ts";
import { type ToolArguments, textResult } from "./tool-result.ts";
import type { Place, Workspace } from "./workspace.ts";

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants;
const MAX_BYTES = 4 * 1024 * 1024;
const MAX_PREVIOUS = 16 * 1024 * 1024;

/** The tool `write`: the whole content of one file. */
export async function write(workspace: Workspace, args: ToolArguments, _call: Call, memory: Memory): Promise<ToolResult> {
  const path = args.text("path");
  const content = bounded(args.text("content"));
  const place = await workspace.place(path, { create: true, followLast: false });
  const before = await alone(place, async () => {
    const found = await regularFile(place, path);
    await remembered(workspace, place, found, content, memory, true);
    return found;
  });
  return textResult(`${before ? "Replaced" : "Wrote"} ${path} (${content.length} bytes).`, { path, bytes: content.length, created: !before });
}

/** The tool `edit`: replaces text that occurs exactly once, or everywhere. */
export async function edit(workspace: Workspace, args: ToolArguments, _call: Call, memory: Memory): Promise<ToolResult> {
  const path = args.text("path");
  const find = args.text("find");
  const replacement = args.text("replace");
  const place = await workspace.place(path, { followLast: false });
  const count = await alone(place, () => replaceText(workspace, place, args, path, find, replacement, memory));
  return textResult(`Replaced ${count} ${count === 1 ? "place" : "places"} in ${path}.`, { path, replaced: count });
}

async function replaceText(
  workspace: Workspace,
  place: Place,
  args: ToolArguments,
  path: string,
  find: string,
  replacement: string,
  memory: Memory,
): Promise<number> {
  const before = await regularFile(place, path);
  if (!before) throw new PlinthError("PLINTH_FILE_MISSING", `There is no file "${path}".`, { next: "Write it first." });
  const text = await readWhole(await workspace.openFile(place), path, MAX_BYTES);
  const count = occurrences(text, find);
  if (count === 0) {
    throw new PlinthError("PLINTH_EDIT_MATCH", `The text to replace does not occur in "${path}".`, {
      next: "Read the file and copy the text exactly, with its spaces and line ends.",
    });
  }
  if (count > 1 && !args.flag("all")) {
    throw new PlinthError("PLINTH_EDIT_MATCH", `The text to replace occurs ${count} times in "${path}".`, {
      next: "Give more of the text around it, or set all=true.",
    });
  }
  await remembered(workspace, place, before, bounded(text.split(find).join(replacement)), memory, false);
  return count;
}

/** Where others have a hand in it, the previous bytes are kept first, and the file is known to be partly theirs from then on. */
async function remembered(
  workspace: Workspace,
  place: Place,
  before: Stats | undefined,
  content: Buffer,
  { hands, influences, previous, sessionKey }: Memory,
  whole: boolean,
): Promise<void> {
  const path = await workspace.realPath(place);
  if (influences.length > 0) {
    const bytes = before === undefined ? null : await previousBytes(await workspace.openFile(place), place.name);
    await previous().keep({ sessionKey, path, parties: influences.map(({ party }) => party) }, bytes, content);
    // Noted before it is written: a crash between the two leaves a file trusted too little, never too much.
    await hands.wrote(path, influences, false);
  }
  await replace(place, content, before);
  if (influences.length === 0) await hands.wrote(path, [], whole);
}

async function previousBytes(file: FileHandle, name: string): Promise<Buffer> {
  const { size } = await file.stat();
  if (size <= MAX_PREVIOUS) return file.readFile();
  throw new PlinthError("PLINTH_FILE_SIZE", `"${name}" is too large for its bytes to be kept, and not only its owner had a hand in this turn.`, {
    next: "Write another file, or begin a new conversation.",
  });
}

const changing = new Map<string, Promise<unknown>>();

/** One change of a file at a time, by the file's folder and name. */
async function alone<T>({ folder, name }: Place, body: () => Promise<T>): Promise<T> {
  const { dev, ino } = await folder.handle.stat();
  const key = `${dev}:${ino}/${name}`;
  const before = changing.get(key) ?? Promise.resolve();
  const mine = before.then(body, body);
  changing.set(key, mine);
  try {
    return await mine;
  } finally {
    if (changing.get(key) === mine) changing.delete(key);
  }
}

/** The new content stands beside the old one until it is complete; then one rename shows it. A hard link's twin stays as it was. */
export async function replace(place: Place, content: Buffer, before: Stats | undefined): Promise<void> {
  const temporary = place.folder.child(`.plinth-${randomUUID()}.tmp`);
  const handle = await open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o666);
  try {
    try {
      if (before) await handle.chmod(before.mode & 0o777);
      await handle.writeFile(content);
      await handle.sync();
    } finally {
      await handle.close();
    }
    const now = await lstat(place.folder.child(place.name)).catch(() => undefined);
    if (now?.ino !== before?.ino || now?.mtimeMs !== before?.mtimeMs || now?.size !== before?.size) {
      throw new PlinthError("PLINTH_FILE_CHANGED", `"${place.name}" was changed by someone else meanwhile.`, {
        next: "Read it again, then repeat the change.",
      });
    }
    await rename(temporary, place.folder.child(place.name));
  } catch (error) {
    await unlink(temporary).catch(() => {});
    throw error;
  }
}

async function regularFile({ folder, name }: Place, path: string): Promise<Stats | undefined> {
  const stat = await lstat(folder.child(name)).catch((error) => {
    if (error.code !== "ENOENT") throw error;
    return undefined;
  });
  if (stat === undefined || stat.isFile()) return stat;
  const kind = stat.isSymbolicLink() ? "a link, and links are not written through" : "not a regular file";
  throw new PlinthError("PLINTH_FILE_KIND", `"${path}" is ${kind}.`, { next: "Name a regular file." });
}

function bounded(text: string): Buffer {
  const bytes = Buffer.from(text);
  if (bytes.length <= MAX_BYTES) return bytes;
  throw new PlinthError("PLINTH_FILE_SIZE", "The content is larger than 4 MiB.", { next: "Write it in several files." });
}

function occurrences(text: string, find: string): number {
  if (find === "") throw new PlinthError("PLINTH_TOOL_INPUT", '"find" must not be empty.', { next: "Give the text to replace." });
  let count = 0;
  for (let at = text.indexOf(find); at >= 0; at = text.indexOf(find, at + find.length)) count++;
  return count;
}
