import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";

export interface Block {
  /** How long the event loop stood still, in milliseconds. */
  ms: number;
  /** Where it stood, innermost first; empty when it stood in native code only. */
  frames: { name: string; url: string }[];
}

const EVERY_MS = 50;

/** Watch this thread from another one until the result is called. The beat is a number in shared memory: it costs nothing. */
export function watchLoop(thresholdMs: number, onBlock: (block: Block) => void): () => Promise<void> {
  const beat = new Int32Array(new SharedArrayBuffer(4));
  const timer = setInterval(() => Atomics.add(beat, 0, 1), EVERY_MS).unref();
  const worker = new Worker(pathToFileURL(join(import.meta.dirname, "assets/watcher.mjs")), {
    workerData: { beat, everyMs: EVERY_MS, thresholdMs },
    resourceLimits: { maxOldGenerationSizeMb: 32, maxYoungGenerationSizeMb: 2 },
    env: {},
    execArgv: [],
  });
  worker.unref();
  worker.on("message", onBlock);
  // Without it the host runs as well: nobody says who blocks, that is all.
  worker.on("error", () => {});
  return async () => {
    clearInterval(timer);
    await worker.terminate();
  };
}

/** The extension whose code was running: the innermost frame in an extension's folder, or of what the host evaluated for it. */
export function ownerOf(frames: Block["frames"], folders: ReadonlyMap<string, string>): string | undefined {
  for (const { url } of frames) {
    for (const [id, dir] of folders)
      if (url.startsWith(`${pathToFileURL(dir).href}/`) || url.startsWith(`data:text/javascript;extension=${id};`)) return id;
  }
  return undefined;
}
