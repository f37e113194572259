/** How long what follows an answer is waited for. */
const REST_MS = 1_000;
/** How many pieces of it are read. */
const REST_PIECES = 8;

/**
 * Let go of a body whose answer is whole. What little may be left of it is read in passing, because only a response that was read
 * to its end leaves its connection to the next request. `end` ends the request of a server that goes on, or keeps it open.
 */
export function letGo(body: AsyncIterator<Uint8Array>, end: () => void): void {
  const timer = setTimeout(end, REST_MS);
  const read = async (): Promise<void> => {
    for (let pieces = 0; pieces < REST_PIECES; pieces++) if ((await body.next()).done) return;
    end();
  };
  read()
    .catch(() => {})
    .finally(() => clearTimeout(timer));
}
