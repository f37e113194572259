import { type Call, isPlinthError, type ToolResult } from "@plinth/sdk";
import { createMatcher, type LineMatch } from "./matcher.ts";
import type { Memory } from "./memory.ts";
import { type ToolArguments, textResult } from "./tool-result.ts";
import { walkTree } from "./tree.ts";
import type { Workspace } from "./workspace.ts";
import type { Times } from "./writers.ts";

const MAX_MATCHES = 200;
const MAX_FILE_BYTES = 1024 * 1024;
const MAX_TOTAL_BYTES = 256 * 1024 * 1024;
const MAX_MS = 20_000;
const MAX_DEPTH = 40;

/** The tool `search`: lines that contain the query, as `path:line: text`. */
export async function search(workspace: Workspace, args: ToolArguments, { signal }: Call, { hands }: Memory): Promise<ToolResult> {
  const path = args.optionalText("path") ?? "";
  const root = await workspace.folder(path);
  const named = await hands.read([], await workspace.realPath({ folder: root, name: "" }));
  const matcher = createMatcher(args.text("query"), args.flag("regex"), args.flag("ignoreCase"));
  const until = performance.now() + MAX_MS;
  const prefix = path === "" || path === "." ? "" : `${path.replace(/\/+$/, "")}/`;
  const lines: string[] = [];
  const times: Times[] = [];
  let bytes = 0;
  let large = 0;
  let stopped: string | undefined;
  try {
    for await (const { folder, dirent, path: name } of walkTree(workspace, root, MAX_DEPTH, signal)) {
      if (performance.now() > until) stopped = `it took ${MAX_MS / 1000} s`;
      else if (bytes > MAX_TOTAL_BYTES) stopped = `${MAX_TOTAL_BYTES / 1_048_576} MiB were read`;
      if (stopped) break;
      if (!dirent.isFile()) continue;
      const text = await readText(workspace, folder, dirent.name);
      if (text === "large") large++;
      if (typeof text === "string") continue;
      bytes += text.bytes;
      const before = lines.length;
      for (const match of await matcher.lines(text.text, MAX_MATCHES - lines.length + 1, signal)) {
        if (lines.length === MAX_MATCHES) stopped = `there are more than ${MAX_MATCHES} lines`;
        else lines.push(`${prefix}${name.replace(/\p{Cc}/gu, "?")}:${match.line}: ${shown(match)}`);
      }
      if (lines.length > before) times.push(text.times);
      if (stopped) break;
    }
  } finally {
    await matcher.close();
  }
  const outside = (await hands.formerly(times)) || named;
  const notes = [
    ...(stopped ? [`[The search ended early: ${stopped}. Search for something narrower, or in a folder.]`] : []),
    ...(large > 0 ? [`[${large === 1 ? "1 file is larger than 1 MiB and was" : `${large} files are larger than 1 MiB and were`} left out.]`] : []),
  ];
  const found = lines.length === 0 ? ["Nothing was found."] : lines;
  return textResult([...found, ...notes].join("\n"), { matches: lines.length, stopped: stopped ?? null }, outside);
}

const shown = ({ text }: LineMatch): string => text.replace(/\p{Cc}/gu, " ").trim();

/** A file's text, or why it is not searched. A file that fails to open is skipped: others change it while we look. */
async function readText(
  workspace: Workspace,
  folder: Parameters<Workspace["openFile"]>[0]["folder"],
  name: string,
): Promise<{ text: string; bytes: number; times: Times } | "large" | "other"> {
  let opened: Awaited<ReturnType<Workspace["openFile"]>>;
  try {
    opened = await workspace.openFile({ folder, name });
  } catch (error) {
    if (isPlinthError(error) || ["ENOENT", "EACCES", "ELOOP"].includes(String((error as NodeJS.ErrnoException).code))) return "other";
    throw error;
  }
  try {
    const times = await opened.stat();
    const { size } = times;
    if (size > MAX_FILE_BYTES) return "large";
    const buffer = Buffer.allocUnsafe(size);
    const { bytesRead } = await opened.read(buffer, 0, size, 0);
    const bytes = buffer.subarray(0, bytesRead);
    return bytes.includes(0) ? "other" : { text: bytes.toString("utf8"), bytes: bytesRead, times };
  } finally {
    await workspace.closeFile(opened);
  }
}
