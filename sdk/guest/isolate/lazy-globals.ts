import type { Bridge } from "@plinth/manifests/wire/bridge.ts";

/**
 * Programs for globals that are made when one of them is read for the first time: what an extension does not use costs it neither time
 * nor memory. The process outside keeps their text.
 */
export const LAZY_GLOBALS = {
  web: [
    ...["CustomEvent", "TextDecoder", "TextEncoder", "atob", "btoa", "structuredClone", "URL", "URLSearchParams", "crypto", "CryptoKey"],
    ...["fetch", "Headers", "Request", "Response", "WebSocket", "MessageEvent", "CloseEvent", "ErrorEvent"],
  ],
  streams: [
    ...["Blob", "File", "FormData", "MessageChannel", "MessagePort", "ByteLengthQueuingStrategy", "CountQueuingStrategy"],
    ...["ReadableByteStreamController", "ReadableStream", "ReadableStreamBYOBReader", "ReadableStreamBYOBRequest"],
    ...["ReadableStreamDefaultController", "ReadableStreamDefaultReader", "TransformStream", "TransformStreamDefaultController"],
    ...["WritableStream", "WritableStreamDefaultController", "WritableStreamDefaultWriter", "TextDecoderStream", "TextEncoderStream"],
  ],
} as const;

export type LazyName = keyof typeof LAZY_GLOBALS;
export const LAZY_NAMES = Object.keys(LAZY_GLOBALS) as LazyName[];

/** Where a program lies beside the guest's others. */
export const lazyFile = (name: LazyName): string => `lazy-${name}.js`;

/** How it is bundled: an expression that is its `make`. */
export const LAZY_FORM = {
  format: "iife",
  platform: "neutral",
  globalName: "lazy",
  banner: { js: "(() => {" },
  footer: { js: "return lazy.make; })()" },
  minify: true,
} as const;

/** What the programs need of the prelude. */
export interface LazyBase {
  readonly send: (text: string) => string;
  readonly bridge: Bridge;
  /** Takes a buffer's bytes away. */
  readonly detach: (buffer: ArrayBuffer) => void;
}

export type MakeGlobals = (base: LazyBase) => Record<string, unknown>;

/** Bundlers call things otherwise; some libraries look at a class's name. */
export function named(name: string, value: unknown): unknown {
  if (typeof value === "function" && value.name !== name) Object.defineProperty(value, "name", { value: name, configurable: true });
  return value;
}

/** A global that was replaced stays so. */
export function lazyGlobals(scope: Record<string, unknown>, base: LazyBase): void {
  const run = scope.eval as (code: string) => MakeGlobals;
  const define = (name: string, value: unknown): void =>
    void Object.defineProperty(scope, name, { value, writable: true, configurable: true, enumerable: false });
  for (const program of LAZY_NAMES) {
    let made: Record<string, unknown> | null = null;
    const all = (): Record<string, unknown> => {
      if (made !== null) return made;
      made = run(base.send(`L${program}`))(base);
      for (const name of LAZY_GLOBALS[program]) named(name, made[name]);
      return made;
    };
    for (const name of LAZY_GLOBALS[program]) {
      Object.defineProperty(scope, name, {
        configurable: true,
        enumerable: false,
        get() {
          const value = all()[name];
          define(name, value);
          return value;
        },
        set: (value: unknown) => define(name, value),
      });
    }
  }
}
