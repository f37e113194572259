import type { Stats } from "node:fs";
import { lstat, readlink } from "node:fs/promises";
import type { Call, ToolResult } from "@plinth/sdk";
import type { Memory } from "./memory.ts";
import { type ToolArguments, textResult } from "./tool-result.ts";
import { type TreeEntry, walkTree } from "./tree.ts";
import type { Workspace } from "./workspace.ts";
import type { Times } from "./writers.ts";

const MAX_ENTRIES = 1_000;

/** The tool `list`: names with sizes, one a line. */
export async function list(workspace: Workspace, args: ToolArguments, { signal }: Call, { hands }: Memory): Promise<ToolResult> {
  const path = args.optionalText("path") ?? "";
  const lines: string[] = [];
  const times: Times[] = [];
  let more = false;
  const root = await workspace.folder(path);
  // Names are text too.
  const named = await hands.read([], await workspace.realPath({ folder: root, name: "" }));
  for await (const entry of walkTree(workspace, root, args.count("depth", 1, 10), signal)) {
    if (lines.length >= MAX_ENTRIES) {
      more = true;
      break;
    }
    const stat = await lstat(entry.folder.child(entry.dirent.name)).catch(() => undefined);
    if (stat !== undefined) times.push(stat);
    lines.push(await line(entry, stat));
  }
  const outside = (await hands.formerly(times)) || named;
  if (lines.length === 0) return textResult("(The folder is empty.)", { entries: 0 });
  const note = more ? `\n[Only the first ${MAX_ENTRIES} entries: list a folder below to see the rest.]` : "";
  return textResult(lines.join("\n") + note, { entries: lines.length, more }, outside);
}

async function line({ folder, dirent, path }: TreeEntry, stat: Stats | undefined): Promise<string> {
  const shown = path.replace(/\p{Cc}/gu, "?");
  if (dirent.isDirectory()) return `${shown}/`;
  if (dirent.isSymbolicLink()) {
    const target = await readlink(folder.child(dirent.name)).catch(() => "?");
    return `${shown} -> ${target.replace(/\p{Cc}/gu, "?")}`;
  }
  return dirent.isFile() ? `${shown} (${stat?.size ?? "?"} bytes)` : `${shown} (not a regular file)`;
}
