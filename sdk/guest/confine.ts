/**
 * The program that builds a wall around itself and then becomes the command it was given, so that every thread of that
 * command has been behind the wall since it began, and no interface to the system is left open for it.
 *
 *   confine                             print what is here, as JSON: { landlock: version, seccomp: boolean }
 *   confine ROOM PROGRAM ARGUMENT…      ROOM is JSON, see below. Exits with 126 when any part of the wall cannot be built.
 */
import { realpathSync } from "node:fs";
import { systemCallFilter } from "../extension/tiers/seccomp.ts";
import { CALLS } from "../extension/tiers/system-calls.ts";
import { applyLandlock, type Beneath, landlockVersion } from "./landlock.ts";
import { type Kernel, reachKernel } from "./system-call.ts";

interface Confinement {
  /** The process that started this one: without it, this one ends. */
  readonly parent: number;
  readonly rules: readonly Beneath[];
  readonly landlock: boolean;
  readonly seccomp: boolean;
}

const SET_PARENT_DEATH_SIGNAL = 1;
const SET_SECCOMP = 22;
const DROP_CAPABILITY = 24;
const SET_NO_NEW_PRIVILEGES = 38;
const FILTER_MODE = 2;
const KILL = 9;
const SET_DESCRIPTOR_FLAGS = 2;
const LAST_CAPABILITY = 63;
/** The connection to the host; the runtime closes all but the first three when it becomes another program. */
const CONNECTION = 3;

const [room, program, ...args] = process.argv.slice(2);
try {
  const kernel = reachKernel();
  if (room === undefined || program === undefined)
    console.log(JSON.stringify({ landlock: landlockVersion(kernel), seccomp: systemCallFilter(0) !== null }));
  else confine(kernel, JSON.parse(room) as Confinement, program, args);
} catch (thrown) {
  console.error((thrown as Error).message);
  process.exitCode = 126;
}

function confine(kernel: Kernel, { parent, rules, landlock, seccomp }: Confinement, file: string, rest: readonly string[]): void {
  const { call } = kernel;
  const { execve } = process;
  if (execve === undefined) throw new Error("this runtime cannot become another program");
  if (call(CALLS.prctl, SET_PARENT_DEATH_SIGNAL, KILL, 0, 0, 0) !== 0) throw new Error("it would outlive its host");
  // Who died before that line will not be noticed.
  if (call(CALLS.getppid) !== parent) throw new Error("its host is gone");
  if (call(CALLS.prctl, SET_NO_NEW_PRIVILEGES, 1, 0, 0, 0) !== 0) throw new Error("it could gain privileges");
  // Root loses them when it becomes the command; for others there is nothing to drop, and it fails.
  for (let one = 0; one <= LAST_CAPABILITY; one++) call(CALLS.prctl, DROP_CAPABILITY, one, 0, 0, 0);
  call(CALLS.fcntl, CONNECTION, SET_DESCRIPTOR_FLAGS, 0);
  const command = realpathSync(file);
  const own = { path: `/proc/${process.pid}`, write: false, execute: false };
  if (landlock) applyLandlock(kernel, [...rules, own]);
  if (seccomp) filter(kernel);
  // Its usual configuration is not to be read any more, and a runtime that may not read it does not start.
  execve(command, [file, ...rest], { ...process.env, OPENSSL_CONF: "/dev/null" });
}

function filter({ call, address }: Kernel): void {
  const program = systemCallFilter(process.pid);
  if (program === null) throw new Error("there is no filter of system calls for this machine");
  const described = Buffer.alloc(16);
  described.writeUInt16LE(program.length / 8, 0);
  described.writeBigUInt64LE(address(program), 8);
  if (call(CALLS.prctl, SET_SECCOMP, FILTER_MODE, described, 0, 0) !== 0) throw new Error("the kernel takes no filter of system calls");
}
