import { appendFile, lstat, mkdir, open, readdir, rename, rm, rmdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { FileInfo, FilesRequest } from "@plinth/manifests/wire/bridge.ts";
import { isPlinthError, PlinthError } from "../extension/errors.ts";
import { type GrantedFolder, grantedPath, writable } from "../extension/tiers/granted-path.ts";

/** Files for tests: the grants and the codes are the host's, its protection against those who swap files meanwhile is not. */
export async function plainFiles(extension: string, folders: readonly GrantedFolder[], request: FilesRequest): Promise<unknown> {
  try {
    return await carriedOut(extension, folders, request);
  } catch (thrown) {
    if (isPlinthError(thrown)) throw thrown;
    const { code = "" } = thrown as NodeJS.ErrnoException;
    const name = code === "ENOENT" ? "MISSING" : code === "EEXIST" || code === "ENOTEMPTY" ? "EXISTS" : "KIND";
    throw new PlinthError(`PLINTH_FILE_${name}`, `${JSON.stringify(request.path)}: ${code}.`, {
      extension,
      next: "List the folder to see what there is.",
    });
  }
}

async function carriedOut(extension: string, folders: readonly GrantedFolder[], request: FilesRequest): Promise<unknown> {
  const { op } = request;
  for (const { name, path } of folders) if (!name.startsWith("/")) await mkdir(path, { recursive: true });
  const place = (asked: string, write: boolean): string => {
    const found = grantedPath(extension, folders, asked);
    if (write) writable(extension, found);
    return join(found.folder.path, ...found.steps);
  };
  const path = place(request.path, !["read", "list", "stat"].includes(op));
  switch (op) {
    case "read": {
      await using file = await open(path);
      const { offset = 0, length = (await file.stat()).size } = request;
      const { bytesRead, buffer } = await file.read(new Uint8Array(length), 0, length, offset);
      return buffer.subarray(0, bytesRead);
    }
    case "write": {
      const bytes = Buffer.from(request.body, request.base64 ? "base64" : "utf8");
      await mkdir(dirname(path), { recursive: true });
      if (request.append) await appendFile(path, bytes);
      else await writeFile(path, bytes, { flag: request.exclusive ? "wx" : "w" });
      return null;
    }
    case "list":
      return Promise.all((await readdir(path)).sort().map((name) => infoOf(name, join(path, name))));
    case "stat":
      return infoOf(path.split("/").at(-1) ?? "", path).catch(() => null);
    case "mkdir":
      await mkdir(path, { recursive: true });
      return null;
    case "remove": {
      const found = await lstat(path).catch(() => null);
      if (found?.isDirectory() && !request.recursive) await rmdir(path);
      else if (found !== null) await rm(path, { recursive: true });
      return found !== null;
    }
    default:
      await rename(path, place(request.to, true));
      return null;
  }
}

async function infoOf(name: string, path: string): Promise<FileInfo> {
  const found = await lstat(path);
  const kind = found.isFile() ? "file" : found.isDirectory() ? "folder" : found.isSymbolicLink() ? "link" : "other";
  return { name, kind, size: found.size, modifiedAt: Math.round(found.mtimeMs) };
}
