import { endianness } from "node:os";
import { BY_PATH, CALLS, column, DENIED, DENIED_TO_GUESTS, FEW_A_USER, RIGHTS, SIGNALS, UNCOUNTED_MEMORY, UNWRITTEN_FILES } from "./system-calls.ts";

const LOAD = 0x20;
const EQUAL = 0x15;
const AT_LEAST = 0x35;
const ANY_BIT = 0x45;
const RETURN = 0x06;

/** Offsets in what the kernel shows of a call: number, machine, arguments (their low halves first). */
const NUMBER = 0;
const MACHINE = 4;
const argument = (index: number): number => 16 + index * 8;

const ALLOW = 0x7fff_0000;
const KILL = 0x8000_0000;
const errno = (code: number): number => 0x0005_0000 | code;
const EPERM = errno(1);
/** Then the C library takes the older call, whose arguments can be looked at. */
const ENOSYS = errno(38);
const EMFILE = errno(24);
/** As a file system answers that cannot do it. */
const EOPNOTSUPP = errno(95);

const MACHINES = [0xc000003e, 0xc00000b7] as const;
/** The other numbers of x64, for which nothing here was written. */
const X32 = 0x4000_0000;
const CLONE_THREAD = 0x1_0000;
/** Of mounts, control groups, host names, IPC, users, processes, networks. */
const CLONE_NAMESPACES = 0x0002_0000 | 0x0200_0000 | 0x0400_0000 | 0x0800_0000 | 0x1000_0000 | 0x2000_0000 | 0x4000_0000;
/** Local, and the two of the internet: of a network of its own, in which nothing is. */
const PROGRAM_SOCKETS = [1, 2, 10];
const SET_USER_OR_GROUP = 0o6000;

export interface FilterFor {
  /**
   * The process that it is for, where it shares its numbers with the host: it may signal itself only, and change nobody's
   * rights or times by path. Behind namespaces (null) these reach nothing.
   */
  readonly pid: number | null;
  /** A program: it may start others, and have sockets in its own, empty network. */
  readonly processes: boolean;
  /** It has a user id of its own, so what a user has is its own too. It makes nothing that runs as the owner of a file. */
  readonly ownUser: boolean;
}

type Step = readonly [code: number, whenTrue: number, whenFalse: number, value: number];

/**
 * A filter of system calls, as the program that the kernel runs: nothing of other processes, no namespaces, no memory that
 * nobody is charged for, none of the kernel's parts that a guest or program has no use for. A guest gets no sockets and no
 * new processes either. Threads, files and what was handed over work as ever. Null where there is no such filter.
 */
export function systemCallFilter({ pid, processes, ownUser }: FilterFor): Buffer | null {
  const machine = column();
  if (machine === null || endianness() !== "LE") return null;
  const number = (name: keyof typeof CALLS): number => CALLS[name][machine];
  const deny = (call: number, how = EPERM): Step[] => [
    [EQUAL, 0, 1, call],
    [RETURN, 0, 0, how],
  ];
  /** Looks at the lower half of an argument, and decides. */
  const only = (call: number, at: number, look: Step): Step[] => [
    [EQUAL, 0, 4, call],
    [LOAD, 0, 0, at],
    look,
    [RETURN, 0, 0, EPERM],
    [RETURN, 0, 0, ALLOW],
  ];
  const without = (call: number, at: number, bits: number): Step[] => only(call, at, [ANY_BIT, 0, 1, bits]);
  const here = (lists: readonly (typeof DENIED)[]): number[] => lists.flat().flatMap((numbers) => numbers[machine] ?? []);
  const denied = here([DENIED, processes ? [] : DENIED_TO_GUESTS, pid === null ? [] : [...SIGNALS, ...BY_PATH]]);
  const steps: Step[] = [
    [LOAD, 0, 0, MACHINE],
    [EQUAL, 1, 0, MACHINES[machine]],
    [RETURN, 0, 0, KILL],
    [LOAD, 0, 0, NUMBER],
    ...(machine === 0 ? ([[AT_LEAST, 0, 1, X32], [RETURN, 0, 0, KILL]] as Step[]) : []), // biome-ignore format: one line is one decision
    ...denied.flatMap((call) => deny(call)),
    ...here([UNCOUNTED_MEMORY]).flatMap((call) => deny(call, ENOSYS)),
    ...here([UNWRITTEN_FILES]).flatMap((call) => deny(call, EOPNOTSUPP)),
    ...deny(number("clone3"), ENOSYS),
    ...(processes
      ? [...without(number("clone"), argument(0), CLONE_NAMESPACES), ...oneOf(number("socket"), argument(0), PROGRAM_SOCKETS)]
      : // A thread is allowed, a process is not.
        only(number("clone"), argument(0), [ANY_BIT, 1, 0, CLONE_THREAD])),
    ...(ownUser
      ? [
          ...RIGHTS.flatMap(([numbers, at]) => (numbers[machine] === null ? [] : without(numbers[machine], argument(at), SET_USER_OR_GROUP))),
          ...deny(number("openat2"), ENOSYS),
        ]
      : here([FEW_A_USER]).flatMap((call) => deny(call, EMFILE))),
    ...(pid === null
      ? []
      : [
          ...only(number("kill"), argument(0), [EQUAL, 1, 0, pid]),
          ...only(number("tgkill"), argument(0), [EQUAL, 1, 0, pid]),
          ...only(number("prlimit64"), argument(0), [EQUAL, 1, 0, 0]),
          // Without a path it is about a descriptor. The upper half of a pointer to one is never zero alone.
          ...onlyWithoutPath(number("utimensat")),
        ]),
    [RETURN, 0, 0, ALLOW],
  ];
  const program = Buffer.alloc(steps.length * 8);
  steps.forEach(([code, whenTrue, whenFalse, value], index) => {
    program.writeUInt16LE(code, index * 8);
    program.writeUInt8(whenTrue, index * 8 + 2);
    program.writeUInt8(whenFalse, index * 8 + 3);
    program.writeUInt32LE(value >>> 0, index * 8 + 4);
  });
  return program;
}

/** Refuses a call whose argument is none of these. */
const oneOf = (call: number, at: number, values: readonly number[]): Step[] => [
  [EQUAL, 0, values.length + 3, call],
  [LOAD, 0, 0, at],
  ...values.map((value, index): Step => [EQUAL, values.length - index, 0, value]),
  [RETURN, 0, 0, EPERM],
  [RETURN, 0, 0, ALLOW],
];

const onlyWithoutPath = (call: number): Step[] => [
  [EQUAL, 0, 6, call],
  [LOAD, 0, 0, argument(1)],
  [EQUAL, 0, 3, 0],
  [LOAD, 0, 0, argument(1) + 4],
  [EQUAL, 0, 1, 0],
  [RETURN, 0, 0, ALLOW],
  [RETURN, 0, 0, EPERM],
];
