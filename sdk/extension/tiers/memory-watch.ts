import { readFileSync } from "node:fs";

const EVERY_MS = 75;

/**
 * Ends a process that takes more memory than it may. V8's heap limit does not count buffers and WebAssembly; the system
 * does. It looks while a call is in flight and once after the last one; an idle process costs nothing.
 */
export class MemoryWatch {
  readonly #pid: number;
  readonly #limitMb: number;
  readonly #onOver: () => void;
  #timer: NodeJS.Timeout | null = null;
  #inFlight = 0;

  constructor(pid: number, limitMb: number, onOver: () => void) {
    this.#pid = pid;
    this.#limitMb = limitMb;
    this.#onOver = onOver;
  }

  enter(): void {
    this.#inFlight++;
    this.#timer ??= setInterval(() => this.#look(), EVERY_MS).unref();
  }

  leave(): void {
    this.#inFlight--;
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  get watching(): boolean {
    return this.#timer !== null;
  }

  #look(): void {
    if (treeMb(this.#pid) > this.#limitMb) {
      this.stop();
      this.#onOver();
      // Stopped here, not in leave(): many short calls would never be looked at.
    } else if (this.#inFlight === 0) this.stop();
  }
}

/** Memory of a process and its descendants in MiB, also what was swapped out; 0 where the system does not tell. */
export function treeMb(pid: number): number {
  let kb = 0;
  const open = [pid];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    for (const [, amount] of read(`/proc/${next}/status`).matchAll(/^Vm(?:RSS|Swap):\s+(\d+) kB$/gm)) kb += Number(amount);
    for (const child of read(`/proc/${next}/task/${next}/children`).split(" ")) if (child.trim() !== "") open.push(Number(child));
  }
  return kb / 1024;
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    // It ended meanwhile, or this system has no such file.
    return "";
  }
}
