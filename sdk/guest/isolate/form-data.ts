import { Blob, File } from "./blob.ts";

type Value = string | File;

/** Names with texts and files, in order. */
export class FormData {
  #entries: [string, Value][] = [];

  constructor(form?: undefined) {
    if (form !== undefined) throw new TypeError("a FormData is made of nothing here: there are no form elements");
  }

  append(...given: unknown[]): void {
    this.#entries.push(entryOf(given));
  }

  set(...given: unknown[]): void {
    const made = entryOf(given);
    const at = this.#entries.findIndex(([one]) => one === made[0]);
    if (at < 0) this.#entries.push(made);
    else this.#entries = this.#entries.filter(([one], index) => index <= at || one !== made[0]).with(at, made);
  }

  get(name: unknown): Value | null {
    return this.#entries.find(([one]) => one === String(name))?.[1] ?? null;
  }

  getAll(name: unknown): Value[] {
    return this.#entries.filter(([one]) => one === String(name)).map(([, value]) => value);
  }

  has(name: unknown): boolean {
    return this.#entries.some(([one]) => one === String(name));
  }

  delete(name: unknown): void {
    this.#entries = this.#entries.filter(([one]) => one !== String(name));
  }

  forEach(body: (value: Value, name: string, all: FormData) => void, that?: unknown): void {
    for (const [name, value] of this) body.call(that, value, name, this);
  }

  *entries(): IterableIterator<[string, Value]> {
    for (let at = 0; at < this.#entries.length; at++) yield [...(this.#entries[at] as [string, Value])];
  }

  *keys(): IterableIterator<string> {
    for (const [name] of this.entries()) yield name;
  }

  *values(): IterableIterator<Value> {
    for (const [, value] of this.entries()) yield value;
  }

  [Symbol.iterator](): IterableIterator<[string, Value]> {
    return this.entries();
  }

  get [Symbol.toStringTag](): string {
    return "FormData";
  }
}

/** A name, a value, and for a Blob a file name. */
function entryOf(given: unknown[]): [string, Value] {
  const [name, value, fileName] = given;
  if (given.length < 2) throw new TypeError("an entry has a name and a value");
  const isBlob = value instanceof Blob;
  if (given.length > 2 && !isBlob) throw new TypeError("only a Blob has a file name");
  const key = String(name).toWellFormed();
  if (!isBlob) return [key, String(value).toWellFormed()];
  if (value instanceof File && fileName === undefined) return [key, value];
  const { type } = value;
  const lastModified = value instanceof File ? { lastModified: value.lastModified } : {};
  return [key, new File([value], fileName === undefined ? "blob" : String(fileName), { type, ...lastModified })];
}
