/** Items that are pushed, read in their order; what is pushed after the end is dropped. */
export class Feed<T> {
  readonly #items: T[] = [];
  #wake: () => void = () => {};
  #over = false;
  #failed: { error: unknown } | undefined;

  push(item: T): void {
    if (this.#over) return;
    this.#items.push(item);
    this.#wake();
  }

  end(failed?: { error: unknown }): void {
    if (this.#over) return;
    this.#over = true;
    this.#failed = failed;
    this.#wake();
  }

  async *read(): AsyncGenerator<T> {
    for (;;) {
      for (let item = this.#items.shift(); item !== undefined; item = this.#items.shift()) yield item;
      if (this.#over) break;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    if (this.#failed !== undefined) throw this.#failed.error;
  }
}
