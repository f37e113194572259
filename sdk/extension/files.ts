import type { Bridge, FileInfo } from "@plinth/manifests/wire/bridge.ts";
import { toBase64 } from "@plinth/manifests/wire/bytes.ts";

/**
 * Files of granted folders, through the host. Paths begin with `data` (its own folder) or `workspace`, or are absolute
 * within a granted folder. One request moves at most 2 MiB; links are never followed.
 */
export interface Files {
  read(path: string, part?: { offset?: number; length?: number }): Promise<Uint8Array>;
  readText(path: string): Promise<string>;
  /** The whole file at once or not at all; `append` adds to its end, `exclusive` refuses to replace one. Folders on the way are made. */
  write(path: string, data: string | Uint8Array, options?: { append?: boolean; exclusive?: boolean }): Promise<void>;
  /** Sorted by name. */
  list(path: string): Promise<FileInfo[]>;
  /** Null when there is nothing. */
  stat(path: string): Promise<FileInfo | null>;
  makeFolder(path: string): Promise<void>;
  /** False when there was nothing. Folders that hold something need `recursive`. */
  remove(path: string, options?: { recursive?: boolean }): Promise<boolean>;
  /** Within one granted folder; replaces a file that is there. */
  rename(path: string, to: string): Promise<void>;
}

export function filesOf(bridge: Pick<Bridge, "files">): Files {
  const read: Files["read"] = (path, { offset, length } = {}) => bridge.files({ op: "read", path, offset, length }) as Promise<Uint8Array>;
  return Object.freeze<Files>({
    read,
    readText: async (path) => new TextDecoder("utf-8", { fatal: true }).decode(await read(path)),
    async write(path, data, { append, exclusive } = {}) {
      const body = typeof data === "string" ? { body: data } : { body: toBase64(data), base64: true };
      await bridge.files({ op: "write", path, ...body, append, exclusive });
    },
    list: (path) => bridge.files({ op: "list", path }) as Promise<FileInfo[]>,
    stat: (path) => bridge.files({ op: "stat", path }) as Promise<FileInfo | null>,
    async makeFolder(path) {
      await bridge.files({ op: "mkdir", path });
    },
    remove: (path, { recursive } = {}) => bridge.files({ op: "remove", path, recursive }) as Promise<boolean>,
    async rename(path, to) {
      await bridge.files({ op: "rename", path, to });
    },
  });
}
