import type { IncomingMessage } from "node:http";
import { pieces } from "./body.ts";
import { GATHERED_BYTES } from "./limits.ts";
import type { Route } from "./routes.ts";

/**
 * The body in pieces for a reader who takes long for each, such as one behind a wall, where every piece is a way there and back: what
 * comes meanwhile is one piece, up to a bound. Who is quick gets each as it comes.
 */
export async function* gathered(request: IncomingMessage, route: Route, signal: AbortSignal): AsyncGenerator<Buffer> {
  const stop = new AbortController();
  let [kept, size, over, failure]: [Buffer[], number, boolean, unknown] = [[], 0, false, undefined];
  let [come, room] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const read = async (): Promise<void> => {
    for await (const piece of pieces(request, route, AbortSignal.any([signal, stop.signal]))) {
      kept.push(piece);
      size += piece.length;
      come.resolve();
      if (size >= GATHERED_BYTES) await room.promise;
      if (stop.signal.aborted) return;
    }
  };
  const reading = read()
    .catch((thrown: unknown) => {
      failure = thrown;
    })
    .finally(() => {
      over = true;
      come.resolve();
    });
  try {
    for (;;) {
      if (kept.length === 0 && !over) await come.promise;
      const piece = kept.length === 1 ? (kept[0] as Buffer) : Buffer.concat(kept);
      [kept, size] = [[], 0];
      come = Promise.withResolvers();
      room.resolve();
      room = Promise.withResolvers();
      if (piece.length > 0) yield piece;
      else if (failure !== undefined) throw failure;
      else if (over) return;
    }
  } finally {
    stop.abort();
    room.resolve();
    await reading;
  }
}
