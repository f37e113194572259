import { endianness } from "node:os";
import { BY_PATH, CALLS, column, DENIED, SIGNALS } from "./system-calls.ts";

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

const MACHINES = [0xc000003e, 0xc00000b7] as const;
/** The other numbers of x64, for which nothing here was written. */
const X32 = 0x4000_0000;
const CLONE_THREAD = 0x1_0000;

type Step = readonly [code: number, whenTrue: number, whenFalse: number, value: number];

/**
 * A filter of system calls, as the program that the kernel runs: no sockets, no new processes, nothing of other processes,
 * none of the kernel's parts that a guest has no use for. Threads, files and what was handed over work as ever. Null where
 * there is no such filter.
 *
 * `pid`: the process that it is for, where it shares its numbers with the host: it may signal itself only, and change
 * nobody's rights or times by path. Behind namespaces (null) these reach nothing.
 */
export function systemCallFilter(pid: number | null): Buffer | null {
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
  const denied = [...DENIED, ...(pid === null ? [] : [...SIGNALS, ...BY_PATH])].flatMap((numbers) => numbers[machine] ?? []);
  const steps: Step[] = [
    [LOAD, 0, 0, MACHINE],
    [EQUAL, 1, 0, MACHINES[machine]],
    [RETURN, 0, 0, KILL],
    [LOAD, 0, 0, NUMBER],
    ...(machine === 0 ? ([[AT_LEAST, 0, 1, X32], [RETURN, 0, 0, KILL]] as Step[]) : []), // biome-ignore format: one line is one decision
    ...denied.flatMap((call) => deny(call)),
    ...deny(number("clone3"), ENOSYS),
    // A thread is allowed, a process is not.
    ...only(number("clone"), argument(0), [ANY_BIT, 1, 0, CLONE_THREAD]),
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

const onlyWithoutPath = (call: number): Step[] => [
  [EQUAL, 0, 6, call],
  [LOAD, 0, 0, argument(1)],
  [EQUAL, 0, 3, 0],
  [LOAD, 0, 0, argument(1) + 4],
  [EQUAL, 0, 1, 0],
  [RETURN, 0, 0, ALLOW],
  [RETURN, 0, 0, EPERM],
];
