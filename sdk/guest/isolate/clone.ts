import { COPY } from "./copy-symbol.ts";

const ERRORS: ReadonlyMap<string, ErrorConstructor> = new Map(
  [Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError].map((Kind) => [Kind.name, Kind as ErrorConstructor]),
);

/** `detach` takes a buffer's bytes away. */
export const cloner = (detach: (buffer: ArrayBuffer) => void): typeof globalThis.structuredClone =>
  /** A deep copy of data, cycles included. Functions, symbols and objects with hidden state are refused; buffers can be moved. */
  function structuredClone<T>(value: T, options: { transfer?: Iterable<unknown> } | null = {}): T {
    const seen = new Map<unknown, unknown>();
    const moved = [...(options?.transfer ?? [])].map((one) => {
      if (!(one instanceof ArrayBuffer) || (one as { detached?: boolean }).detached || seen.has(one)) throw refused("What is transferred");
      const to = new ArrayBuffer(one.byteLength);
      seen.set(one, to);
      return [one, to] as const;
    });
    const made = copy(value, seen) as T;
    // Nothing is taken away where something could not be copied.
    for (const [from, to] of moved) {
      new Uint8Array(to).set(new Uint8Array(from));
      detach(from);
    }
    return made;
  };

function copy(value: unknown, seen: Map<unknown, unknown>): unknown {
  if (typeof value === "function" || typeof value === "symbol") throw refused(typeof value === "symbol" ? "A symbol" : String(value).slice(0, 60));
  if (typeof value !== "object" || value === null) return value;
  const known = seen.get(value);
  if (known !== undefined) return known;
  const keep = <T>(made: T): T => {
    seen.set(value, made);
    return made;
  };
  const own = (value as { [COPY]?: (() => unknown) | null })[COPY];
  if (own === null) throw refused(Object.prototype.toString.call(value));
  if (typeof own === "function") return keep(own.call(value));
  if (value instanceof Boolean || value instanceof Number || value instanceof String || value instanceof BigInt) return keep(Object(value.valueOf()));
  if (value instanceof Date) return keep(new Date(value.getTime()));
  if (value instanceof RegExp) return keep(new RegExp(value.source, value.flags));
  if (value instanceof ArrayBuffer) return keep(value.slice(0));
  if (value instanceof DataView) return keep(new DataView(copy(value.buffer, seen) as ArrayBuffer, value.byteOffset, value.byteLength));
  if (ArrayBuffer.isView(value)) {
    const view = value as Uint8Array;
    const Kind = (globalThis as never)[view[Symbol.toStringTag]] as new (buffer: ArrayBuffer, offset: number, length: number) => unknown;
    return keep(new Kind(copy(view.buffer, seen) as ArrayBuffer, view.byteOffset, view.length));
  }
  if (value instanceof Map) {
    const made = keep(new Map());
    for (const [key, one] of [...value]) made.set(copy(key, seen), copy(one, seen));
    return made;
  }
  if (value instanceof Set) {
    const made = keep(new Set());
    for (const one of [...value]) made.add(copy(one, seen));
    return made;
  }
  if (value instanceof DOMException) return keep(new DOMException(value.message, value.name));
  if (value instanceof Error) return error(value, keep, seen);
  if (isHidden(value)) throw refused(Object.prototype.toString.call(value));
  const made = keep(Array.isArray(value) ? new Array(value.length) : {});
  for (const key of Object.keys(value)) {
    const one = copy((value as Record<string, unknown>)[key], seen);
    Object.defineProperty(made, key, { value: one, writable: true, enumerable: true, configurable: true });
  }
  return made;
}

function error(value: Error, keep: <T>(made: T) => T, seen: Map<unknown, unknown>): Error {
  const made = keep(new Error());
  Object.setPrototypeOf(made, (ERRORS.get(String(value.name)) ?? Error).prototype);
  for (const key of ["message", "stack", "cause"] as const) {
    const found = Object.getOwnPropertyDescriptor(value, key);
    if (found === undefined || (key !== "cause" && typeof value[key] !== "string")) Reflect.deleteProperty(made, key);
    else Object.defineProperty(made, key, { value: copy(value[key], seen), writable: true, enumerable: false, configurable: true });
  }
  return made;
}

const HIDDEN = [Promise, WeakMap, WeakSet, WeakRef];
const isHidden = (value: object): boolean =>
  HIDDEN.some((Kind) => value instanceof Kind) || /Generator|Iterator\]/.test(Object.prototype.toString.call(value));

const refused = (what: string): Error => new DOMException(`${what} could not be cloned.`, "DataCloneError");
