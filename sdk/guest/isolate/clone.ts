import { DOMException } from "./abort.ts";

/** A deep copy of data, cycles included. Functions, symbols and objects with hidden state are refused. */
export function structuredClone<T>(value: T): T {
  return copy(value, new Map()) as T;
}

function copy(value: unknown, seen: Map<unknown, unknown>): unknown {
  if (typeof value === "function" || typeof value === "symbol") throw refused(typeof value);
  if (typeof value !== "object" || value === null) return value;
  const known = seen.get(value);
  if (known !== undefined) return known;
  const keep = <T>(made: T): T => {
    seen.set(value, made);
    return made;
  };
  if (value instanceof Date) return keep(new Date(value.getTime()));
  if (value instanceof RegExp) return keep(new RegExp(value.source, value.flags));
  if (value instanceof ArrayBuffer) return keep(value.slice(0));
  if (value instanceof DataView) return keep(new DataView(copy(value.buffer, seen) as ArrayBuffer, value.byteOffset, value.byteLength));
  if (ArrayBuffer.isView(value)) {
    const view = value as Uint8Array;
    const Kind = view.constructor as new (buffer: ArrayBuffer, offset: number, length: number) => unknown;
    return keep(new Kind(copy(view.buffer, seen) as ArrayBuffer, view.byteOffset, view.length));
  }
  if (value instanceof Map) {
    const made = keep(new Map());
    for (const [key, one] of value) made.set(copy(key, seen), copy(one, seen));
    return made;
  }
  if (value instanceof Set) {
    const made = keep(new Set());
    for (const one of value) made.add(copy(one, seen));
    return made;
  }
  if (value instanceof Promise || value instanceof WeakMap || value instanceof WeakSet) throw refused("such an object");
  const made = keep(value instanceof Error ? new Error(value.message) : Array.isArray(value) ? new Array(value.length) : {});
  if (value instanceof Error) Object.defineProperty(made, "name", { value: value.name, configurable: true, writable: true });
  for (const key of Object.keys(value)) {
    const one = copy((value as Record<string, unknown>)[key], seen);
    Object.defineProperty(made, key, { value: one, writable: true, enumerable: true, configurable: true });
  }
  return made;
}

const refused = (what: string): Error => new DOMException(`${what} could not be cloned.`, "DataCloneError");
