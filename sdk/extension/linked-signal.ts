/** One signal of two. `release` lets go of both: an extension's own lives as long as it does, and would keep every request. */
export function linkedSignal(stopping: AbortSignal, signal: AbortSignal | undefined): { signal: AbortSignal; release: () => void } {
  if (signal === undefined) return { signal: stopping, release: () => {} };
  const linked = new AbortController();
  const stop = (): void => linked.abort(stopping.reason);
  const abort = (): void => linked.abort(signal.reason);
  if (stopping.aborted) stop();
  else stopping.addEventListener("abort", stop, { once: true });
  if (signal.aborted) abort();
  else signal.addEventListener("abort", abort, { once: true });
  return {
    signal: linked.signal,
    release() {
      stopping.removeEventListener("abort", stop);
      signal.removeEventListener("abort", abort);
    },
  };
}
