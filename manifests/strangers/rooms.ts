import { type Bounds, Room } from "./room.ts";

/**
 * The two rooms of a process, so that a package that takes seconds keeps no call waiting whose arguments are to be checked:
 * `checks` for values against schemas, `packages` for everything that comes with packages and registries.
 */
const BOUNDS = {
  checks: { cpuMs: 500, longestMs: 20_000, heapMb: 128, waiting: 128 },
  packages: { cpuMs: 10_000, longestMs: 60_000, heapMb: 512, waiting: 64 },
} satisfies Record<string, Bounds>;

const SHARED = Symbol.for("plinth.strangers.rooms");

/** The same room for everybody in this process: host and extensions are bundled each by itself. */
export function roomFor(kind: keyof typeof BOUNDS): Room {
  const place = globalThis as { [SHARED]?: Map<string, Room> };
  const rooms = (place[SHARED] ??= new Map());
  let room = rooms.get(kind);
  if (room === undefined) rooms.set(kind, (room = new Room(BOUNDS[kind])));
  return room;
}

export const CHECK_MS: number = BOUNDS.checks.cpuMs;
