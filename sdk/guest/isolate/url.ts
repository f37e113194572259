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
          const parts = part === "href" ? parse(String(value), null) : parse(this.#parts.href, null, part, String(value));
          if (parts === null && part === "href") throw new TypeError("Invalid URL");
          this.#parts = parts ?? this.#parts;
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

type Init = string | Iterable<Iterable<unknown>> | Record<string, unknown>;

class URLSearchParams {
  #pairs: [string, string][] = [];
  readonly #onChange: (search: string) => void;

  constructor(init: Init = "", onChange: (search: string) => void = () => {}) {
    this.#onChange = onChange;
    if ((typeof init !== "object" && typeof init !== "function") || init === null) this.replace(String(init));
    else if (!(Symbol.iterator in init)) for (const [name, value] of Object.entries(init)) this.#pairs.push([wellFormed(name), wellFormed(value)]);
    else {
      for (const one of init) {
        const pair = [...one];
        if (pair.length !== 2) throw new TypeError("a parameter is a name and a value");
        this.#pairs.push([wellFormed(pair[0]), wellFormed(pair[1])]);
      }
    }
  }

  /** For the address that it belongs to. */
  replace(search: string): void {
    const text = (search.startsWith("?") ? search.slice(1) : search).toWellFormed();
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
    this.#pairs.push([wellFormed(name), wellFormed(value)]);
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
    const pair: [string, string] = [wellFormed(name), wellFormed(value)];
    const at = this.#pairs.findIndex(([key]) => key === pair[0]);
    if (at < 0) this.#pairs.push(pair);
    else this.#pairs = this.#pairs.filter(([key], index) => index <= at || key !== pair[0]).with(at, pair);
    this.#changed();
  }

  sort(): void {
    this.#pairs.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
    this.#changed();
  }

  forEach(body: (value: string, name: string, all: URLSearchParams) => void, that?: unknown): void {
    if (typeof body !== "function") throw new TypeError("forEach takes a function");
    for (const [name, value] of this) body.call(that, value, name, this);
  }

  /** What is changed meanwhile is seen, also by way of the address. */
  *entries(): IterableIterator<[string, string]> {
    for (let at = 0; at < this.#pairs.length; at++) yield [...(this.#pairs[at] as [string, string])];
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

  toString(): string {
    return this.#pairs.map(([name, value]) => `${encoded(name)}=${encoded(value)}`).join("&");
  }

  #changed(): void {
    this.#onChange(this.toString());
  }
}

const wellFormed = (value: unknown): string => String(value).toWellFormed();

const encoded = (text: string): string =>
  encodeURIComponent(text)
    .replace(/[!'()~]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll("%20", "+");

function decoded(text: string): string {
  const spaced = text.replaceAll("+", " ");
  try {
    return decodeURIComponent(spaced);
  } catch {
    return bytewise(spaced);
  }
}

/** What is no escape stays, what is no UTF-8 is replaced. */
function bytewise(text: string): string {
  const bytes = new TextEncoder().encode(text);
  let end = 0;
  for (let at = 0; at < bytes.length; at++) {
    const digits = bytes[at] === 0x25 ? String.fromCharCode(bytes[at + 1] ?? 0, bytes[at + 2] ?? 0) : "";
    const escaped = /^[0-9a-f]{2}$/i.test(digits);
    bytes[end++] = escaped ? Number.parseInt(digits, 16) : (bytes[at] as number);
    if (escaped) at += 2;
  }
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes.subarray(0, end));
}
