const NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const VALUE = /^[^\0\r\n]*$/;

export type HeadersInit = Headers | Iterable<readonly [unknown, unknown]> | Record<string, unknown>;

/** As in a browser: names without regard to case, values of one name joined by a comma. */
export class Headers {
  readonly #values = new Map<string, string>();

  constructor(init: HeadersInit = {}) {
    const pairs = Symbol.iterator in init ? (init as Iterable<readonly [unknown, unknown]>) : Object.entries(init);
    for (const [name, value] of pairs) this.append(name, value);
  }

  append(name: unknown, value: unknown): void {
    const key = keyOf(name);
    const before = this.#values.get(key);
    this.#values.set(key, before === undefined ? checked(value) : `${before}, ${checked(value)}`);
  }

  set(name: unknown, value: unknown): void {
    this.#values.set(keyOf(name), checked(value));
  }

  get(name: unknown): string | null {
    return this.#values.get(keyOf(name)) ?? null;
  }

  has(name: unknown): boolean {
    return this.#values.has(keyOf(name));
  }

  delete(name: unknown): void {
    this.#values.delete(keyOf(name));
  }

  forEach(body: (value: string, name: string, all: Headers) => void): void {
    for (const [name, value] of this) body(value, name, this);
  }

  *entries(): IterableIterator<[string, string]> {
    yield* [...this.#values].sort(([a], [b]) => (a < b ? -1 : 1));
  }

  *keys(): IterableIterator<string> {
    for (const [name] of this) yield name;
  }

  *values(): IterableIterator<string> {
    for (const [, value] of this) yield value;
  }

  [Symbol.iterator](): IterableIterator<[string, string]> {
    return this.entries();
  }
}

function keyOf(name: unknown): string {
  const text = String(name);
  if (!NAME.test(text)) throw new TypeError(`${JSON.stringify(text)} is not a header's name`);
  return text.toLowerCase();
}

function checked(value: unknown): string {
  const text = String(value).replace(/^[\t\r\n ]+|[\t\r\n ]+$/g, "");
  if (!VALUE.test(text)) throw new TypeError("a header's value holds a line break");
  return text;
}
