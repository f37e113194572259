/** Mounts that only what starts here sees: folders lent to another user, and ways to folders that are closed to that user. */
import { closeSync, fstatSync, mkdirSync, openSync, type Stats, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { CALLS } from "../extension/tiers/system-calls.ts";
import type { Kernel } from "./system-call.ts";

/** A folder that was opened by the host, and the user namespace that says whose files it shows. */
export interface Lent {
  readonly path: string;
  /** Its descriptor; null where nobody holds it. */
  readonly held: number | null;
  readonly mapping: number;
}

const NEW_MOUNTS = 0x0002_0000;
const PRIVATE = (1 << 18) | (1 << 14);
const READ_ONLY = 1 << 0;
const NO_SET_ID = 1 << 1;
const NO_DEVICES = 1 << 2;
const REMOUNT = 1 << 5;
const HERE = -100;
const NO_PATH = 0x1000;
const CLONE = 1;
const WITH_MOUNTS_BELOW = 0x8000;
const FROM_DESCRIPTOR = 0x04;
const TO_DESCRIPTOR = 0x40;
const MAPPED = 0x0010_0000;
const PATH_ONLY = 0o10000000;

const text = (value: string): Buffer => Buffer.from(`${value}\0`);

/** Whether mounts can be made here. It takes them for itself from now on. */
export const ownMounts = ({ call }: Kernel): boolean =>
  call(CALLS.unshare, NEW_MOUNTS) === 0 && call(CALLS.mount, text("none"), text("/"), null, PRIVATE, null) === 0;

/** Over each folder, the same one, whose files belong to whom they are lent. */
export function lendAll({ call }: Kernel, lent: readonly Lent[]): void {
  for (const { path, held, mapping } of lent) {
    // The descriptor is of mounts outside; the path may lead elsewhere by now.
    const folder = openSync(path, PATH_ONLY);
    if (held !== null && !same(fstatSync(held), fstatSync(folder))) throw new Error(`${path} is not the folder that was granted any more`);
    const tree = call(CALLS.openTree, folder, text(""), CLONE | NO_PATH);
    if (tree < 0) throw new Error(`${path} cannot be lent: it is no mount of its own`);
    const attributes = Buffer.alloc(32);
    attributes.writeBigUInt64LE(BigInt(MAPPED | 0x2 | 0x4), 0);
    attributes.writeBigUInt64LE(BigInt(mapping), 24);
    if (call(CALLS.mountSetattr, tree, text(""), NO_PATH, attributes, attributes.length) !== 0)
      throw new Error(`${path} cannot be lent: its file system shows files only as they are`);
    if (call(CALLS.moveMount, tree, text(""), folder, text(""), FROM_DESCRIPTOR | TO_DESCRIPTOR) !== 0)
      throw new Error(`${path} cannot be lent: nothing can be put there`);
    closeSync(tree);
    closeSync(folder);
    closeSync(mapping);
  }
}

const same = (a: Stats, b: Stats): boolean => a.dev === b.dev && a.ino === b.ino;

/** Put an empty folder over each of `closed`, with `opened` in it as before: nothing else there can be seen. */
export function openWays({ call }: Kernel, closed: readonly string[], opened: readonly string[]): void {
  const trees = opened.map((path) => ({ path, tree: call(CALLS.openTree, HERE, text(path), CLONE | WITH_MOUNTS_BELOW) }));
  for (const folder of closed)
    if (call(CALLS.mount, text("none"), text(folder), text("tmpfs"), NO_SET_ID | NO_DEVICES, text("mode=0755,size=1m")) !== 0)
      throw new Error(`the way to ${folder} cannot be opened`);
  for (const { path, tree } of trees.sort((a, b) => a.path.length - b.path.length)) {
    // What is not there is not granted.
    if (tree < 0) continue;
    mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
    if (fstatSync(tree).isDirectory()) mkdirSync(path, { recursive: true, mode: 0o755 });
    else writeFileSync(path, "", { flag: "a" });
    if (call(CALLS.moveMount, tree, text(""), HERE, text(path), FROM_DESCRIPTOR) !== 0) throw new Error(`the way to ${path} cannot be opened`);
    closeSync(tree);
  }
  for (const folder of closed) call(CALLS.mount, text("none"), text(folder), null, REMOUNT | READ_ONLY | NO_SET_ID | NO_DEVICES, null);
}
