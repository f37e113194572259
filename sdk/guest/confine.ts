/**
 * The program that builds a wall around itself and then becomes the command it was given, so that every thread of that
 * command has been behind the wall since it began, and no interface to the system is left open for it.
 *
 *   confine                             print what is here, as JSON: { landlock: version, seccomp: boolean, mounts: boolean }
 *   confine ROOM PROGRAM ARGUMENT…      ROOM is JSON, see below. Exits with 126 when any part of the wall cannot be built.
 */
import { realpathSync } from "node:fs";
import { systemCallFilter } from "../extension/tiers/seccomp.ts";
import { CALLS } from "../extension/tiers/system-calls.ts";
import { applyLandlock, type Beneath, landlockVersion } from "./landlock.ts";
import { type Lent, lendAll, openWays, ownMounts } from "./mounts.ts";
import { type Kernel, reachKernel } from "./system-call.ts";

interface Confinement {
  /** The process that started this one: without it, this one ends. */
  readonly parent: number;
  readonly lent: readonly Lent[];
  /** Descriptors that are the command's too. */
  readonly keep: readonly number[];
  /** Null: the command builds its wall itself, out of what was lent here. */
  readonly wall: Wall | null;
}

interface Wall {
  readonly rules: readonly Beneath[];
  readonly landlock: boolean;
  readonly seccomp: boolean;
  /** Whom it becomes; null = it stays who it is. */
  readonly user: { readonly uid: number; readonly gid: number } | null;
  /** Folders that this user may not enter, and what is granted within them. */
  readonly closed: readonly string[];
  readonly opened: readonly string[];
}

const SET_PARENT_DEATH_SIGNAL = 1;
const SET_SECCOMP = 22;
const DROP_CAPABILITY = 24;
const SET_NO_NEW_PRIVILEGES = 38;
const FILTER_MODE = 2;
const KILL = 9;
const SET_DESCRIPTOR_FLAGS = 2;
const LAST_CAPABILITY = 63;

const [room, program, ...args] = process.argv.slice(2);
try {
  const kernel = reachKernel();
  if (room === undefined || program === undefined) {
    const seccomp = systemCallFilter({ pid: 0, processes: false, ownUser: false }) !== null;
    console.log(JSON.stringify({ landlock: landlockVersion(kernel), seccomp, mounts: process.getuid?.() === 0 && ownMounts(kernel) }));
  } else confine(kernel, JSON.parse(room) as Confinement, program, args);
} catch (thrown) {
  console.error((thrown as Error).message);
  process.exitCode = 126;
}

function confine(kernel: Kernel, { parent, lent, keep, wall }: Confinement, file: string, rest: readonly string[]): void {
  const { call } = kernel;
  const { execve } = process;
  if (execve === undefined) throw new Error("this runtime cannot become another program");
  if ((lent.length > 0 || (wall?.closed.length ?? 0) > 0) && !ownMounts(kernel)) throw new Error("no mounts can be made here");
  lendAll(kernel, lent);
  if (wall !== null) openWays(kernel, wall.closed, wall.opened);
  const command = realpathSync(file);
  if (wall !== null) build(kernel, wall);
  if (call(CALLS.prctl, SET_PARENT_DEATH_SIGNAL, KILL, 0, 0, 0) !== 0) throw new Error("it would outlive its host");
  // Who died before that line will not be noticed.
  if (call(CALLS.getppid) !== parent) throw new Error("its host is gone");
  for (const fd of keep) call(CALLS.fcntl, fd, SET_DESCRIPTOR_FLAGS, 0);
  if (wall?.seccomp) filter(kernel, wall.user !== null);
  // Its usual configuration is not to be read any more, and a runtime that may not read it does not start.
  execve(command, [file, ...rest], { ...process.env, OPENSSL_CONF: "/dev/null" });
}

function build(kernel: Kernel, { rules, landlock, user }: Wall): void {
  const { call } = kernel;
  if (call(CALLS.prctl, SET_NO_NEW_PRIVILEGES, 1, 0, 0, 0) !== 0) throw new Error("it could gain privileges");
  // Root loses them when it becomes the command; for others there is nothing to drop, and it fails.
  for (let one = 0; one <= LAST_CAPABILITY; one++) call(CALLS.prctl, DROP_CAPABILITY, one, 0, 0, 0);
  const own = { path: `/proc/${process.pid}`, write: false, execute: false };
  if (landlock) applyLandlock(kernel, [...rules, own]);
  // With root it loses what root may do.
  if (
    user !== null &&
    (call(CALLS.setgroups, 0, null) | call(CALLS.setresgid, user.gid, user.gid, user.gid) | call(CALLS.setresuid, user.uid, user.uid, user.uid)) !== 0
  )
    throw new Error("it cannot become a user of its own");
}

function filter({ call, address }: Kernel, ownUser: boolean): void {
  const program = systemCallFilter({ pid: process.pid, processes: false, ownUser });
  if (program === null) throw new Error("there is no filter of system calls for this machine");
  const described = Buffer.alloc(16);
  described.writeUInt16LE(program.length / 8, 0);
  described.writeBigUInt64LE(address(program), 8);
  if (call(CALLS.prctl, SET_SECCOMP, FILTER_MODE, described, 0, 0) !== 0) throw new Error("the kernel takes no filter of system calls");
}
