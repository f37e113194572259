/** Do something, and yield what there is to say of it while it takes longer than a second. */
export async function* spoken<T>(work: () => Promise<T>): AsyncGenerator<string, T> {
  const { withProgress } = await import("@plinth/registry");
  const lines: string[] = [];
  let wake = (): void => {};
  let isOver = false;
  const result = withProgress((line) => {
    lines.push(line);
    wake();
  }, work);
  const end = (): void => {
    isOver = true;
    wake();
  };
  result.then(end, end);
  for (;;) {
    if (lines.length === 0 && !isOver) await new Promise<void>((resolve) => (wake = resolve));
    yield* lines.splice(0);
    if (isOver) return await result;
  }
}
