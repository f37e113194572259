import { randomUUID } from "node:crypto";
import { constants, type Stats } from "node:fs";
import { link, opendir, rename, rmdir, unlink } from "node:fs/promises";
import type { FileInfo, Provider } from "@plinth/sdk";
import { denied, FOLDER_MB, type GrantedFolder, type GrantedPath, grantedPath, writable } from "@plinth/sdk/tiers";
import { descend, type OpenFolder } from "./descent.ts";
import { explained, failures } from "./errors.ts";
import { Gate } from "./gate.ts";
import { readPart } from "./read.ts";
import { Roots } from "./roots.ts";
import { inBlocks, MAX_FILES, removeTree, sizeOfTree } from "./tree.ts";

const { O_APPEND, O_CREAT, O_EXCL, O_WRONLY } = constants;
const MAX_WRITE = 2_097_152;
const MEASURE_MS = 1_000;
const MAX_ENTRIES = 10_000;
const MB = 1_048_576;
/** Requests of one extension that are worked on together: each may hold two mebibytes. */
const AT_ONCE = 16;
/** Files on their way to their name; nobody else's. */
const OWN = /^\.plinth-[0-9a-f-]{36}$/;

type Input = Parameters<Provider<"plinth.file-access">["request"]>[0];
type Answer = Uint8Array | FileInfo[] | FileInfo | boolean | null;
type Write = Extract<Input["request"], { op: "write" }>;

/** One request for files of granted folders. Every step down is taken from the descriptor of the folder before, through no link. */
export class FileAccess {
  readonly #roots: Roots;
  readonly #gate = new Gate(AT_ONCE);
  readonly #measured = new Map<string, { at: number; bytes: number }>();

  /** @param home of this host, which no granted folder may hold. */
  constructor(home: string) {
    this.#roots = new Roots(home);
  }

  request(input: Input): Promise<Answer> {
    return this.#gate.run(input.extension, () => this.#answer(input));
  }

  close(): void {
    this.#roots.close();
  }

  async #answer({ extension, folders, storageMb, request }: Input): Promise<Answer> {
    const path = grantedPath(extension, folders, request.path);
    const quota = (storageMb ?? FOLDER_MB) * MB;
    try {
      switch (request.op) {
        case "read":
          return await this.#at(extension, path, (folder, name) => readPart(extension, path, folder, name, request));
        case "stat":
          return await this.#stat(extension, path);
        case "list":
          return await this.#list(extension, path);
        case "write":
          return await this.#write(extension, writable(extension, path), request, quota);
        case "mkdir":
          return await this.#makeFolder(extension, writable(extension, path), quota);
        case "remove":
          return await this.#remove(extension, writable(extension, path), request.recursive === true);
        case "rename":
          return await this.#rename(extension, writable(extension, path), writable(extension, grantedPath(extension, folders, request.to)));
        default:
          throw denied(extension, path.asked, "there is no such operation");
      }
    } catch (thrown) {
      throw explained(thrown, extension, request.path);
    }
  }

  /** Its folder, opened, and its name in there; "." for the granted folder itself. */
  #at<T>(extension: string, { folder, steps }: GrantedPath, body: (folder: OpenFolder, name: string) => Promise<T>): Promise<T> {
    return this.#roots.use(extension, folder, (root) => descend(root, steps.slice(0, -1), false, (inner) => body(inner, steps.at(-1) ?? ".")));
  }

  async #stat(extension: string, path: GrantedPath): Promise<FileInfo | null> {
    const found = await this.#at(extension, path, (folder, name) => (name === "." ? folder.stat() : folder.look(name))).catch(
      (thrown: NodeJS.ErrnoException) => {
        if (thrown.code === "ENOENT") return null;
        throw thrown;
      },
    );
    return found === null ? null : infoOf(path.steps.at(-1) ?? path.folder.name, found);
  }

  #list(extension: string, { folder, steps, asked }: GrantedPath): Promise<FileInfo[]> {
    return this.#roots.use(extension, folder, (root) =>
      descend(root, steps, false, async (inner) => {
        const names: string[] = [];
        for await (const { name } of await opendir(inner.self)) {
          if (OWN.test(name)) continue;
          if (names.push(name) > MAX_ENTRIES)
            throw failures.quota(extension, `${JSON.stringify(asked)} holds more than ${MAX_ENTRIES} names`, "Use folders within it.");
        }
        const all = await Promise.all(names.sort().map(async (name) => [name, await inner.look(name)] as const));
        return all.flatMap(([name, found]) => (found === null ? [] : [infoOf(name, found)]));
      }),
    );
  }

  /** Written beside its place and then moved there: readers see the old file or the new one, and no other name of the old one changes. */
  async #write(extension: string, { folder, steps, asked }: GrantedPath, { body, base64, append, exclusive }: Write, quota: number): Promise<null> {
    const bytes = Buffer.from(body, base64 ? "base64" : "utf8");
    if (bytes.length > MAX_WRITE)
      throw failures.quota(extension, `one request writes at most ${MAX_WRITE} bytes`, "Append the rest with further ones.");
    const name = steps.at(-1);
    if (name === undefined || OWN.test(name)) throw failures.kind(extension, asked, "no name for a file");
    return this.#roots.change(extension, folder, async (root) => {
      await this.#room(extension, folder, root, bytes.length, quota);
      return descend(root, steps.slice(0, -1), true, async (inner) => {
        const before = await inner.look(name);
        if (before !== null && exclusive) throw failures.exists(extension, asked, "is there already");
        if (before !== null && !before.isFile()) throw failures.kind(extension, asked, kindOf(before) === "folder" ? "a folder" : "no plain file");
        if (append && before !== null) await appendTo(extension, asked, inner, name, bytes);
        else await replace(inner, name, bytes, before, exclusive === true);
        return null;
      });
    });
  }

  #makeFolder(extension: string, { folder, steps }: GrantedPath, quota: number): Promise<null> {
    return this.#roots.change(extension, folder, async (root) => {
      await this.#room(extension, folder, root, 0, quota);
      return descend(root, steps, true, async () => null);
    });
  }

  /** Its own folder is bounded. It is measured now and then: what runs in a process of its own writes past the host. */
  async #room(extension: string, folder: GrantedFolder, root: OpenFolder, more: number, quota: number): Promise<void> {
    if (folder.name !== "data") return;
    let known = this.#measured.get(folder.path);
    if (known === undefined || Date.now() - known.at > MEASURE_MS) known = { at: Date.now(), bytes: await sizeOfTree(root, quota) };
    known.bytes += inBlocks(more);
    this.#measured.set(folder.path, known);
    if (known.bytes <= quota) return;
    this.#measured.delete(folder.path);
    throw failures.quota(
      extension,
      `its own folder may hold ${quota / MB} MiB, in at most ${MAX_FILES} files`,
      "Remove what is not needed any more.",
    );
  }

  async #remove(extension: string, { folder, steps, asked }: GrantedPath, recursive: boolean): Promise<boolean> {
    const name = steps.at(-1);
    if (name === undefined) throw denied(extension, asked, "a granted folder itself cannot be removed");
    this.#measured.delete(folder.path);
    return this.#roots.change(extension, folder, (root) =>
      descend(root, steps.slice(0, -1), false, async (inner) => {
        const found = await inner.look(name);
        if (found === null) return false;
        if (!found.isDirectory()) await unlink(inner.child(name));
        else if (recursive) await removeTree(inner, name);
        else await rmdir(inner.child(name));
        return true;
      }),
    );
  }

  async #rename(extension: string, from: GrantedPath, to: GrantedPath): Promise<null> {
    const [name, target] = [from.steps.at(-1), to.steps.at(-1)];
    if (name === undefined || target === undefined) throw denied(extension, from.asked, "a granted folder itself cannot be moved");
    if (from.folder.path !== to.folder.path) throw denied(extension, to.asked, "a file moves within one granted folder only");
    return this.#roots.change(extension, from.folder, (root) =>
      descend(root, from.steps.slice(0, -1), false, (source) =>
        descend(root, to.steps.slice(0, -1), false, async (place) => {
          await rename(source.child(name), place.child(target));
          return null;
        }),
      ),
    );
  }
}

async function replace(folder: OpenFolder, name: string, bytes: Buffer, before: Stats | null, exclusive: boolean): Promise<void> {
  const own = `.plinth-${randomUUID()}`;
  const file = await folder.create(own, O_CREAT | O_EXCL | O_WRONLY, 0o666);
  try {
    try {
      await file.writeFile(bytes);
      if (before !== null) await file.chmod(before.mode & 0o777);
    } finally {
      await file.close();
    }
    if (!exclusive) await rename(folder.child(own), folder.child(name));
    else await link(folder.child(own), folder.child(name));
  } finally {
    await unlink(folder.child(own)).catch(() => {});
  }
}

async function appendTo(extension: string, asked: string, folder: OpenFolder, name: string, bytes: Buffer): Promise<void> {
  const file = await folder.open(name, O_WRONLY | O_APPEND);
  try {
    const found = await file.stat();
    if (!found.isFile()) throw failures.kind(extension, asked, "no plain file");
    if (found.nlink > 1) throw failures.kind(extension, asked, "known by another name too (a hard link), which would change with it");
    await file.writeFile(bytes);
  } finally {
    await file.close();
  }
}

const infoOf = (name: string, found: Stats): FileInfo => ({ name, kind: kindOf(found), size: found.size, modifiedAt: Math.round(found.mtimeMs) });

const kindOf = (found: Stats): FileInfo["kind"] =>
  found.isFile() ? "file" : found.isDirectory() ? "folder" : found.isSymbolicLink() ? "link" : "other";
