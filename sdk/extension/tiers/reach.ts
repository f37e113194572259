import { type Stats, statSync } from "node:fs";
import { dirname } from "node:path";
import { PlinthError } from "../errors.ts";
import type { OwnUser } from "./own-user.ts";
import type { Room, Tools } from "./room.ts";

const READ_AND_ENTER = 0o5;
const WRITE_TOO = 0o7;

/** Whether somebody around the room can make mounts in it: then nothing on the way to a folder can be closed to its user. */
export const makesMounts = ({ bwrap, builtByRoot, confine }: Pick<Tools, "bwrap" | "builtByRoot" | "confine">): boolean =>
  bwrap === null ? confine?.mounts === true : builtByRoot === true;

/** The program of ours that lends folders; without it nothing starts that has one lent. */
export const lends = ({ confine, lender }: Pick<Tools, "confine" | "lender">): string | undefined => confine?.program ?? lender;

/**
 * The room of a user who is not the host's: throws `PLINTH_ROOT` for what he could not reach, with what would help. Where
 * mounts can be made, only what programs lie in has to be open to everybody.
 */
export function assertReachable(tools: Tools, { folders, programs, user }: Room): void {
  if (user == null) return;
  const mounts = makesMounts(tools);
  const lent = folders.find((folder) => folder.lent != null);
  if (lent !== undefined && lends(tools) === undefined)
    throw unreachable(lent.path, "The program that lends folders is missing: install Plinth again");
  const closed = programs.find((path) => !mayAll(path, user, READ_AND_ENTER) || (!mounts && !mayEnter(dirname(path), user)));
  if (closed !== undefined) throw unreachable(closed, `Let everybody read it (chmod -R o+rX ${closed}), and enter what it lies in`);
  if (mounts) return;
  for (const { path, write } of folders)
    if (!mayAll(path, user, write ? WRITE_TOO : READ_AND_ENTER) || !mayEnter(dirname(path), user))
      throw unreachable(path, "Install bubblewrap or use a kernel with Landlock, as root with CAP_SYS_ADMIN: then it is lent to that user");
}

/** What on the way to these is closed to this user, the outermost of each. */
export function closedFolders(paths: readonly string[], user: OwnUser): string[] {
  const closed = new Set<string>();
  for (const path of paths) {
    const way: string[] = [];
    for (let at = dirname(path); at !== dirname(at); at = dirname(at)) way.unshift(at);
    const first = way.find((folder) => !mayAll(folder, user, 0o1));
    if (first !== undefined) closed.add(first);
  }
  return [...closed].filter((one) => ![...closed].some((other) => one.startsWith(`${other}/`)));
}

const mayEnter = (folder: string, user: OwnUser): boolean => closedFolders([`${folder}/x`], user).length === 0;

function mayAll(path: string, user: OwnUser, bits: number): boolean {
  const found = statSync(path, { throwIfNoEntry: false });
  return found === undefined || (rightsOf(found, user) & needed(found, bits)) === needed(found, bits);
}

/** To read a file, nobody has to enter it. */
const needed = (found: Stats, bits: number): number => (found.isDirectory() ? bits : bits & 0o6);
const rightsOf = ({ mode, uid, gid }: Stats, user: OwnUser): number => (uid === user.uid ? mode >> 6 : gid === user.gid ? mode >> 3 : mode) & 0o7;

const unreachable = (path: string, next: string): PlinthError =>
  new PlinthError("PLINTH_ROOT", `This host runs as root, and a user id of its own cannot reach ${path}.`, {
    next: `${next}. Or run the host as a user of its own (docs/operating.md, As a service).`,
  });
