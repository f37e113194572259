const PARTS = ["href", "origin", "protocol", "username", "password", "host", "hostname", "port", "pathname", "search", "hash"] as const;
type Part = (typeof PARTS)[number];
type Parts = Record<Part, string>;

/** URL and URLSearchParams. Addresses are parsed by the process outside, by the same rules as everywhere. */
export function addressClasses(send: (text: string) => string) {
  const parse = (...request: unknown[]): Parts | null => {
    const answer = send(`U${JSON.stringify(request)}`);
    if (answer === "") return null;
    const values = JSON.parse(answer) as string[];
    return Object.fromEntries(PARTS.map((part, index) => [part, values[index] ?? ""])) as Parts;
  };

  class Address {
    #parts: Parts;
    #params: URLSearchParams | null = null;

    constructor(address: unknown, base?: unknown) {
      const parts = parse(String(address), base === undefined ? null : String(base));
      if (parts === null) throw Object.assign(new TypeError("Invalid URL"), { code: "ERR_INVALID_URL", input: String(address) });
      this.#parts = parts;
    }

    static canParse(address: unknown, base?: unknown): boolean {
      return parse(String(address), base === undefined ? null : String(base)) !== null;
    }

    static parse(address: unknown, base?: unknown): Address | null {
      return Address.canParse(address, base) ? new Address(address, base) : null;
    }

    static {
      for (const part of PARTS) {
        const get = function (this: Address): string {
          return this.#parts[part];
        };
        const set = function (this: Address, value: unknown): void {
          this.#parts = parse(this.#parts.href, null, part, String(value)) ?? this.#parts;
          if (part === "search" || part === "href") this.#params?.replace(this.#parts.search);
        };
        Object.defineProperty(Address.prototype, part, { get, ...(part === "origin" ? {} : { set }), enumerable: true, configurable: true });
      }
    }

    get searchParams(): URLSearchParams {
      this.#params ??= new URLSearchParams(this.#parts.search, (search) => {
        this.#parts = parse(this.#parts.href, null, "search", search) ?? this.#parts;
      });
      return this.#params;
    }

    toString(): string {
      return this.#parts.href;
    }

    toJSON(): string {
      return this.#parts.href;
    }
  }
  Object.defineProperty(Address, "name", { value: "URL" });
  return { URL: Address, URLSearchParams };
}

type Init = string | Iterable<readonly [unknown, unknown]> | Record<string, unknown>;

class URLSearchParams {
  #pairs: [string, string][] = [];
  readonly #onChange: (search: string) => void;

  constructor(init: Init = "", onChange: (search: string) => void = () => {}) {
    this.#onChange = onChange;
    if (typeof init === "string") this.replace(init);
    else {
      const pairs = Symbol.iterator in init ? (init as Iterable<readonly [unknown, unknown]>) : Object.entries(init);
      for (const [name, value] of pairs) this.#pairs.push([String(name), String(value)]);
    }
  }

  /** For the address that it belongs to. */
  replace(search: string): void {
    const text = search.startsWith("?") ? search.slice(1) : search;
    this.#pairs = text
      .split("&")
      .filter((one) => one !== "")
      .map((one) => {
        const at = one.indexOf("=");
        return [decoded(at < 0 ? one : one.slice(0, at)), at < 0 ? "" : decoded(one.slice(at + 1))];
      });
  }

  get size(): number {
    return this.#pairs.length;
  }

  append(name: unknown, value: unknown): void {
    this.#pairs.push([String(name), String(value)]);
    this.#changed();
  }

  delete(name: unknown, value?: unknown): void {
    this.#pairs = this.#pairs.filter(([key, one]) => key !== String(name) || (value !== undefined && one !== String(value)));
    this.#changed();
  }

  get(name: unknown): string | null {
    return this.#pairs.find(([key]) => key === String(name))?.[1] ?? null;
  }

  getAll(name: unknown): string[] {
    return this.#pairs.filter(([key]) => key === String(name)).map(([, value]) => value);
  }

  has(name: unknown, value?: unknown): boolean {
    return this.#pairs.some(([key, one]) => key === String(name) && (value === undefined || one === String(value)));
  }

  set(name: unknown, value: unknown): void {
    const at = this.#pairs.findIndex(([key]) => key === String(name));
    if (at < 0) this.#pairs.push([String(name), String(value)]);
    else this.#pairs = this.#pairs.filter(([key], index) => index <= at || key !== String(name)).with(at, [String(name), String(value)]);
    this.#changed();
  }

  sort(): void {
    this.#pairs.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
    this.#changed();
  }

  forEach(body: (value: string, name: string, all: URLSearchParams) => void): void {
    for (const [name, value] of this.#pairs) body(value, name, this);
  }

  *entries(): IterableIterator<[string, string]> {
    for (const [name, value] of this.#pairs) yield [name, value];
  }

  *keys(): IterableIterator<string> {
    for (const [name] of this.#pairs) yield name;
  }

  *values(): IterableIterator<string> {
    for (const [, value] of this.#pairs) yield value;
  }

  [Symbol.iterator](): IterableIterator<[string, string]> {
    return this.entries();
  }

  toString(): string {
    return this.#pairs.map(([name, value]) => `${encoded(name)}=${encoded(value)}`).join("&");
  }

  #changed(): void {
    this.#onChange(this.toString());
  }
}

const encoded = (text: string): string =>
  encodeURIComponent(text.toWellFormed())
    .replace(/[!'()~]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll("%20", "+");

function decoded(text: string): string {
  const spaced = text.replaceAll("+", " ");
  try {
    return decodeURIComponent(spaced);
  } catch {
    return spaced;
  }
}
