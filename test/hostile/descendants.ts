import { readdirSync, readFileSync } from "node:fs";

const EVERY_MS = 250;

/** Remembers every process that was ever below the gateway: what outlives it must not hide by leaving the tree. */
export class Descendants {
  readonly #root: number;
  readonly #seen = new Map<number, string>();
  readonly #timer: NodeJS.Timeout;

  constructor(root: number) {
    this.#root = root;
    this.#timer = setInterval(() => this.#look(), EVERY_MS);
    this.#timer.unref();
  }

  /** Those that are below it now. */
  now(): number[] {
    return this.#look();
  }

  /** Those ever seen that still run, wherever they are. */
  alive(): number[] {
    this.#look();
    return [...this.#seen].filter(([pid, started]) => startOf(pid) === started).map(([pid]) => pid);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** A process and what is below it. */
  below(root: number): number[] {
    return [root, ...this.#look(root)];
  }

  #look(root = this.#root): number[] {
    const parents = new Map<number, number>();
    for (const name of readdirSync("/proc")) if (/^\d+$/.test(name)) parents.set(Number(name), parentOf(Number(name)));
    const below: number[] = [];
    const open = [root];
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      for (const [pid, parent] of parents) {
        if (parent !== next) continue;
        below.push(pid);
        open.push(pid);
        const started = startOf(pid);
        if (started !== "") this.#seen.set(pid, started);
      }
    }
    return below;
  }
}

/** Fields after the name, which may hold anything. */
function stat(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)?.split(" ") ?? [];
  } catch {
    return [];
  }
}

const parentOf = (pid: number): number => Number(stat(pid)[1] ?? 0);
/** A process id is used again; its start tells them apart. A zombie is no process any more. */
function startOf(pid: number): string {
  const fields = stat(pid);
  return fields.length === 0 || fields[0] === "Z" ? "" : (fields[19] ?? "");
}
