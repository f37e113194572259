import { closeSync, constants, openSync } from "node:fs";
import { createRequire } from "node:module";
import { ReadStream } from "node:tty";
import { PlinthError } from "../errors.ts";

/** Requests to a terminal, the same on x64 and arm64. */
const UNLOCK = 0x4004_5431n;
const NUMBER = 0x8004_5430n;
const SET_SIZE = 0x5414n;

export interface Terminal {
  /** What is printed comes out here, and what is typed goes in. */
  readonly near: ReadStream;
  /** For the program; closed here once it has it. */
  readonly far: number;
  resize(columns: number, rows: number): void;
}

/**
 * A pseudoterminal. Both ends close when another program is started: whoever else the host starts meanwhile holds neither.
 * (The packages that do this open theirs without that.)
 *
 * @param extension that it is for.
 */
export function openTerminal(extension: string, columns: number, rows: number): Terminal {
  const { O_RDWR, O_NOCTTY } = constants;
  let near = -1;
  try {
    near = openSync("/dev/ptmx", O_RDWR | O_NOCTTY);
    const word = Buffer.alloc(8);
    control(near, UNLOCK, word);
    control(near, NUMBER, word);
    const far = openSync(`/dev/pts/${word.readInt32LE(0)}`, O_RDWR | O_NOCTTY);
    const resize = (wide: number, high: number): void => {
      const size = Buffer.alloc(8);
      size.writeUInt16LE(high, 0);
      size.writeUInt16LE(wide, 2);
      control(near, SET_SIZE, size);
    };
    resize(columns, rows);
    return { near: new ReadStream(near), far, resize };
  } catch (cause) {
    if (near >= 0) closeSync(near);
    throw new PlinthError("PLINTH_EXEC_FAILED", `There is no terminal to be had here (${(cause as Error).message}).`, {
      extension,
      cause,
      next: "Use pipes: leave out pty.",
    });
  }
}

type Ioctl = (fd: number, request: bigint, at: bigint) => number;
let ioctl: { call: Ioctl; addressOf: (bytes: Buffer) => bigint } | undefined;

/** Node has no call for this; it is made by its interface to foreign functions, with a buffer that lives as long as the call. */
function control(fd: number, request: bigint, word: Buffer): void {
  if (ioctl === undefined) {
    const ffi = createRequire(import.meta.url)("node:ffi") as typeof import("node:ffi");
    const { functions } = ffi.dlopen(null, { ioctl: { arguments: ["int32", "uint64", "uint64"], return: "int32" } });
    ioctl = { call: functions.ioctl as unknown as Ioctl, addressOf: (bytes) => ffi.getRawPointer(bytes) };
  }
  if (ioctl.call(fd, request, ioctl.addressOf(word)) !== 0) throw new Error("the system refused it");
}
