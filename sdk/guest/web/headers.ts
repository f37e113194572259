const NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const NOT_VALUE = /[\0\r\n]|[^\0-\xff]/;

export type HeadersInit = Headers | Iterable<Iterable<unknown>> | Record<string, unknown>;

/** As in a browser: names without regard to case, values of one name joined by a comma, cookies apart. */
export class Headers {
  readonly #values = new Map<string, string[]>();
  #list: [string, string][] | null = null;

  constructor(init?: HeadersInit | null) {
    if (init === undefined) return;
    if (init === null || (typeof init !== "object" && typeof init !== "function")) throw new TypeError("headers are made of an object");
    const iterate = (init as { [Symbol.iterator]?: unknown })[Symbol.iterator];
    if (iterate === undefined || iterate === null) for (const [name, value] of record(init)) this.append(name, value);
    else {
      for (const one of init as Iterable<Iterable<unknown>>) {
        if (typeof one !== "object" || one === null) throw new TypeError("a header is a name and a value");
        const pair = [...one];
        if (pair.length !== 2) throw new TypeError("a header is a name and a value");
        this.append(pair[0], pair[1]);
      }
    }
  }

  append(...given: unknown[]): void {
    const [name, value] = needed(given, 2);
    const [key, text] = [keyOf(name), checked(value)];
    this.#change().set(key, [...(this.#values.get(key) ?? []), text]);
  }

  set(...given: unknown[]): void {
    const [name, value] = needed(given, 2);
    const [key, text] = [keyOf(name), checked(value)];
    this.#change().set(key, [text]);
  }

  get(...given: unknown[]): string | null {
    const [name] = needed(given, 1);
    return this.#values.get(keyOf(name))?.join(", ") ?? null;
  }

  getSetCookie(): string[] {
    return [...(this.#values.get("set-cookie") ?? [])];
  }

  has(...given: unknown[]): boolean {
    const [name] = needed(given, 1);
    return this.#values.has(keyOf(name));
  }

  delete(...given: unknown[]): void {
    const [name] = needed(given, 1);
    this.#change().delete(keyOf(name));
  }

  forEach(body: (value: string, name: string, all: Headers) => void, that?: unknown): void {
    if (typeof body !== "function") throw new TypeError("forEach takes a function");
    for (const [name, value] of this) body.call(that, value, name, this);
  }

  /** By name; what is changed meanwhile is seen. */
  *entries(): IterableIterator<[string, string]> {
    for (let at = 0; ; at++) {
      const pair = this.#sorted()[at];
      if (pair === undefined) return;
      yield [...pair];
    }
  }

  *keys(): IterableIterator<string> {
    for (const [name] of this.entries()) yield name;
  }

  *values(): IterableIterator<string> {
    for (const [, value] of this.entries()) yield value;
  }

  [Symbol.iterator](): IterableIterator<[string, string]> {
    return this.entries();
  }

  #change(): Map<string, string[]> {
    this.#list = null;
    return this.#values;
  }

  #sorted(): readonly [string, string][] {
    this.#list ??= [...this.#values]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .flatMap(([name, values]) => (name === "set-cookie" ? values.map((one): [string, string] => [name, one]) : [[name, values.join(", ")]]));
    return this.#list;
  }

  get [Symbol.toStringTag](): string {
    return "Headers";
  }
}

/** Own enumerable properties in their order, as the web reads a record. */
function* record(init: object): Iterable<[string, unknown]> {
  for (const key of Reflect.ownKeys(init)) {
    if (Reflect.getOwnPropertyDescriptor(init, key)?.enumerable !== true) continue;
    if (typeof key === "symbol") throw new TypeError("a header's name is a text");
    yield [key, (init as Record<string, unknown>)[key]];
  }
}

function needed(given: unknown[], count: number): unknown[] {
  if (given.length < count) throw new TypeError(`${count} arguments are needed, and there are ${given.length}`);
  return given;
}

function keyOf(name: unknown): string {
  const text = String(name);
  if (!NAME.test(text)) throw new TypeError(`${JSON.stringify(text)} is not a header's name`);
  return text.toLowerCase();
}

function checked(value: unknown): string {
  const text = String(value).replace(/^[\t\r\n ]+|[\t\r\n ]+$/g, "");
  if (NOT_VALUE.test(text)) throw new TypeError("a header's value holds what it must not");
  return text;
}
