import { createHash } from "node:crypto";
import { PlinthError } from "@plinth/manifests/wire/error.ts";

/** The hash and length of a file, as a snapshot fixes them. */
export interface Leaf {
  sha256: string;
  length: number;
}

/** Reads a page of the tree by its hash; the reader of untrusted pages checks that the text has that hash. */
export type ReadPage = (hash: string) => Promise<string>;

/**
 * The hashes of all of a registry's index and key documents, as a tree whose root stands in the snapshot. A path's place
 * follows from its own sha256: three levels of sixteen branches, then a list. With 50,000 packages a list has twelve
 * entries; looking one up or changing one costs four pages, 4.5 KB together. Pages are named by their hash and never
 * change. A path that is not in its list is proven not to be in the registry.
 */
const LEVELS = 3;
const NODE = "plinth-tree-node 1\n";
const LIST = "plinth-tree-list 1\n";
/** Far above what a list can have by chance. */
export const MAX_PAGE_BYTES = 256 * 1024;

export const EMPTY_TREE = pageHash(NODE);

export function pageHash(content: string | Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}

export function pagePath(hash: string): string {
  return `trust/tree/${hash.slice(0, 2)}/${hash.slice(2)}.txt`;
}

/** undefined: the registry has no such file, which the pages prove. */
export async function lookUp(root: string, path: string, read: ReadPage): Promise<Leaf | undefined> {
  const digits = digitsOf(path);
  let hash: string | undefined = root;
  for (let level = 0; level < LEVELS; level++) {
    hash = parseNode(await read(hash)).get(digits[level]!);
    if (hash === undefined) return undefined;
  }
  return parseList(await read(hash)).get(path);
}

/** Put files into the tree; undefined takes one out. Gives the new root and the pages that have to be there for it. */
export async function update(
  root: string,
  changes: ReadonlyMap<string, Leaf | undefined>,
  read: ReadPage,
): Promise<{ root: string; pages: Map<string, string> }> {
  const pages = new Map<string, string>();
  const keep = (text: string): string => {
    const hash = pageHash(text);
    pages.set(hash, text);
    return hash;
  };
  const descend = async (hash: string | undefined, level: number, paths: readonly string[]): Promise<string | undefined> => {
    if (level === LEVELS) {
      const list = hash === undefined ? new Map<string, Leaf>() : parseList(await read(hash));
      for (const path of paths) {
        const leaf = changes.get(path);
        if (leaf === undefined) list.delete(path);
        else list.set(path, leaf);
      }
      return list.size === 0 ? undefined : keep(listText(list));
    }
    const node = hash === undefined ? new Map<string, string>() : parseNode(await read(hash));
    for (const [digit, below] of Map.groupBy(paths, (path) => digitsOf(path)[level]!)) {
      const child = await descend(node.get(digit), level + 1, below);
      if (child === undefined) node.delete(digit);
      else node.set(digit, child);
    }
    return node.size === 0 && level > 0 ? undefined : keep(nodeText(node));
  };
  const changed = await descend(root === EMPTY_TREE ? undefined : root, 0, [...changes.keys()]);
  return { root: changed!, pages };
}

/** All pages that a root needs. */
export async function* reachable(root: string, read: ReadPage, level = 0): AsyncGenerator<string> {
  yield root;
  if (level === LEVELS) return;
  for (const child of parseNode(root === EMPTY_TREE ? NODE : await read(root)).values()) yield* reachable(child, read, level + 1);
}

const digitsOf = (path: string) => createHash("sha256").update(path).digest("hex").slice(0, LEVELS);

const sorted = <T>(map: ReadonlyMap<string, T>) => [...map].sort(([a], [b]) => (a < b ? -1 : 1));
const nodeText = (node: ReadonlyMap<string, string>) =>
  NODE +
  sorted(node)
    .map(([digit, hash]) => `${digit} ${hash}\n`)
    .join("");
const listText = (list: ReadonlyMap<string, Leaf>) =>
  LIST +
  sorted(list)
    .map(([path, { sha256, length }]) => `${path} ${sha256} ${length}\n`)
    .join("");

function parseNode(text: string): Map<string, string> {
  return new Map(linesOf(text, NODE, /^([0-9a-f]) ([0-9a-f]{64})$/).map(([, digit, hash]) => [digit!, hash!]));
}

function parseList(text: string): Map<string, Leaf> {
  const lines = linesOf(text, LIST, /^([A-Za-z0-9._/-]{1,256}) ([0-9a-f]{64}) ([1-9]\d{0,8})$/);
  return new Map(lines.map(([, path, sha256, length]) => [path!, { sha256: sha256!, length: Number(length) }]));
}

function linesOf(text: string, head: string, pattern: RegExp): RegExpExecArray[] {
  const lines = text.startsWith(head) && text.endsWith("\n") ? text.slice(head.length).split("\n").slice(0, -1) : [""];
  const parsed = lines.map((line) => pattern.exec(line));
  if (parsed.every((line) => line !== null)) return parsed;
  throw new PlinthError("PLINTH_TRUST_INVALID", "A page of the registry's tree has another form than it should.", {
    next: "Update Plinth if the registry is newer; otherwise tell who runs the registry.",
  });
}
