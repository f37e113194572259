import { createRequire } from "node:module";
import { column } from "../extension/tiers/system-calls.ts";

type Argument = number | Buffer | null;

export interface Kernel {
  /** Make a system call; negative when it fails. A buffer goes as its address and must stay alive. */
  call(numbers: readonly [number | null, number | null], ...args: Argument[]): number;
  address(bytes: Buffer): bigint;
}

const ARGUMENTS = 6;

/** The kernel, by Node's interface to foreign functions. Throws where there is none. */
export function reachKernel(): Kernel {
  const machine = column();
  if (machine === null) throw new Error(`it is not for ${process.platform} on ${process.arch}`);
  const ffi = createRequire(import.meta.url)("node:ffi") as typeof import("node:ffi");
  const { functions } = ffi.dlopen(null, { syscall: { arguments: Array(ARGUMENTS + 1).fill("int64"), return: "int64" } });
  const syscall = functions.syscall as unknown as (...all: bigint[]) => bigint;
  const address = (bytes: Buffer): bigint => ffi.getRawPointer(bytes);
  const word = (argument: Argument): bigint => (argument === null ? 0n : typeof argument === "number" ? BigInt(argument) : address(argument));
  return {
    address,
    call(numbers, ...args) {
      const number = numbers[machine];
      if (number === null) throw new Error("there is no such system call here");
      return Number(syscall(BigInt(number), ...Array.from({ length: ARGUMENTS }, (_, index) => word(args[index] ?? null))));
    },
  };
}
