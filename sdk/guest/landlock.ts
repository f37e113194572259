/** The kernel's Landlock, through whatever makes system calls. Rights that this kernel does not know yet are left out. */
import { closeSync, openSync, statSync } from "node:fs";
import { CALLS } from "../extension/tiers/system-calls.ts";
import type { Kernel } from "./system-call.ts";

export interface Beneath {
  readonly path: string;
  readonly write: boolean;
  /** Also run programs and load libraries from there. */
  readonly execute: boolean;
}

const EXECUTE = 1 << 0;
const WRITE_FILE = 1 << 1;
const READ_FILE = 1 << 2;
const READ_DIR = 1 << 3;
const REMOVE_DIR = 1 << 4;
const REMOVE_FILE = 1 << 5;
const MAKE_DIR = 1 << 7;
const MAKE_REGULAR = 1 << 8;
const REFER = 1 << 13;
const TRUNCATE = 1 << 14;

/** How many rights over files a version knows: 13 in the first, then REFER, TRUNCATE, IOCTL_DEV, and sockets by path in the ninth. */
const knownRights = (version: number): number => (1 << (version >= 9 ? 17 : version >= 5 ? 16 : version >= 3 ? 15 : version >= 2 ? 14 : 13)) - 1;
const ON_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE;
/** Plain files and folders. Links, devices, sockets and pipes could lead somebody else astray who follows them. */
const WRITE = WRITE_FILE | REMOVE_DIR | REMOVE_FILE | MAKE_DIR | MAKE_REGULAR | REFER | TRUNCATE;
const BIND_AND_CONNECT = 0b11;
const ABSTRACT_SOCKETS_AND_SIGNALS = 0b11;
const PATH_ONLY = 0o10000000;
const VERSION_FLAG = 1;
const RULE_PATH_BENEATH = 1;

/** Version of the kernel's interface; 0 = it has none. */
export const landlockVersion = ({ call }: Kernel): number => Math.max(0, call(CALLS.createRuleset, null, 0, VERSION_FLAG));

/** From now on this thread, and what it becomes, reaches nothing but `rules`. What does not exist is not granted. */
export function applyLandlock(kernel: Kernel, rules: readonly Beneath[]): void {
  const { call } = kernel;
  const version = landlockVersion(kernel);
  if (version === 0) throw new Error("this kernel has no Landlock");
  const known = knownRights(version);
  const attributes = Buffer.alloc(version >= 6 ? 24 : version >= 4 ? 16 : 8);
  attributes.writeBigUInt64LE(BigInt(known), 0);
  if (version >= 4) attributes.writeBigUInt64LE(BigInt(BIND_AND_CONNECT), 8);
  if (version >= 6) attributes.writeBigUInt64LE(BigInt(ABSTRACT_SOCKETS_AND_SIGNALS), 16);
  const ruleset = call(CALLS.createRuleset, attributes, attributes.length, 0);
  if (ruleset < 0) throw new Error("the kernel takes no Landlock rules");
  for (const rule of rules) addRule(kernel, ruleset, rule, known);
  if (call(CALLS.restrictSelf, ruleset, 0) !== 0) throw new Error("the kernel does not apply Landlock rules");
  closeSync(ruleset);
}

function addRule({ call }: Kernel, ruleset: number, { path, write, execute }: Beneath, known: number): void {
  let fd: number;
  try {
    fd = openSync(path, PATH_ONLY);
  } catch {
    return;
  }
  try {
    const rights = READ_FILE | READ_DIR | (write ? WRITE : 0) | (execute ? EXECUTE : 0);
    const rule = Buffer.alloc(12);
    rule.writeBigUInt64LE(BigInt(rights & known & (statSync(`/proc/self/fd/${fd}`).isDirectory() ? -1 : ON_FILES)), 0);
    rule.writeInt32LE(fd, 8);
    if (call(CALLS.addRule, ruleset, RULE_PATH_BENEATH, rule, 0) !== 0) throw new Error(`the kernel takes no Landlock rule for ${path}`);
  } finally {
    closeSync(fd);
  }
}
