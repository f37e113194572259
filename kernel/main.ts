import { join } from "node:path";
import { boot } from "./boot.ts";
import { ownStrays } from "./strays.ts";
import { runWork, Work } from "./work.ts";

export interface MainInput {
  argv: string[];
  terminal: { cwd: string; json: boolean; tty: boolean; columns: number; color: boolean; local: boolean };
  dist?: string;
  signal?: AbortSignal;
  /** A long-running command: count starts that do not become ready (safe mode after three). */
  counted?: boolean;
}

/**
 * Boot the host and run one command line: the product's data says which contract that is. The command's work is the
 * owner's (whoever can start this process can read its files) and follows the current generation.
 */
export async function* main({ argv, terminal, dist, signal, counted }: MainInput): AsyncGenerator<unknown> {
  const host = await boot({
    dist: dist ?? join(import.meta.dirname, ".."),
    safeMode: argv.includes("--safe-mode"),
    counted,
    // A single command tells its failures itself; log lines are for what keeps running.
    ...(counted || process.env.PLINTH_LOG ? {} : { logLevel: "silent" as const }),
  });
  const release = counted ? ownStrays(host) : () => {};
  const { contract, method } = host.product.main;
  const work = new Work("main", Object.freeze({ role: "owner", via: "local" }), null);
  const entry = host.current.find(contract, null);
  const words = argv.filter((one) => one !== "--safe-mode");
  const stream = runWork(work, () => entry.by.stream(entry, method, { argv: words, terminal }, { signal }, null));
  try {
    for await (const item of stream) {
      // Its first word means that it is up.
      if (counted) void host.supervisor.bootReady();
      counted = false;
      yield item;
    }
  } finally {
    await host.stop();
    release();
  }
}
