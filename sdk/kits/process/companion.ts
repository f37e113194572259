import type { Program } from "../../extension/spawn.ts";
import { linesOf } from "./lines.ts";

/** A program that an extension keeps by its side, opened when it is first needed and again after it ended. */
export interface Companion<T> {
  /** What was made of the running program; starts one if none runs. A start in flight is shared, a failed one is tried again. */
  get(): Promise<T>;
  /** Ends it, asked first. The next `get` starts another. */
  stop(): Promise<void>;
}

export interface CompanionOptions<T> {
  open(): Promise<Program>;
  /** Whatever speaks with it, such as `jsonRpcOver`, greeting included. */
  begin(program: Program): T | Promise<T>;
  /** Told of each line of its errors. */
  onError?: (line: string) => void;
  /** How long it may take to end by itself, once its input ended and it was told SIGTERM; default 2 s. */
  patienceMs?: number;
}

const PATIENCE_MS = 2_000;

/** Nothing of it outlives the extension: the host ends the program with it. */
export function companion<T>({ open, begin, onError, patienceMs = PATIENCE_MS }: CompanionOptions<T>): Companion<T> {
  let current: { program: Promise<Program>; made: Promise<T> } | null = null;

  const start = (): NonNullable<typeof current> => {
    const program = open();
    const made = program.then(async (opened) => {
      const forget = (): void => {
        if (current === one) current = null;
      };
      opened.exited.then(forget, forget);
      if (onError !== undefined) void follow(opened.stderr, onError);
      try {
        return await begin(opened);
      } catch (thrown) {
        await opened.kill();
        throw thrown;
      }
    });
    const one = { program, made };
    made.catch(() => {
      if (current === one) current = null;
    });
    return one;
  };

  return Object.freeze<Companion<T>>({
    get() {
      current ??= start();
      return current.made;
    },
    async stop() {
      const program = await current?.program.catch(() => undefined);
      current = null;
      if (program === undefined) return;
      await program.stdin.end().catch(() => {});
      await program.signal("SIGTERM").catch(() => {});
      let timer: ReturnType<typeof setTimeout> | undefined;
      const late = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, patienceMs);
      });
      const left = program.exited.then(
        () => {},
        () => {},
      );
      await Promise.race([left, late]);
      clearTimeout(timer);
      await program.kill();
    },
  });
}

async function follow(stderr: AsyncIterable<Uint8Array>, onError: (line: string) => void): Promise<void> {
  try {
    for await (const line of linesOf(stderr, 65_536)) onError(line);
  } catch {
    // How it ended is told by `exited`.
  }
}
