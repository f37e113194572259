/**
 * Take away what no limit of the engine counts or what lets threads share memory. Not a wall, which is the process with its
 * watch from outside; it leaves less to be noticed there.
 */
export function harden(scope: Record<string, unknown>): void {
  // Finalizers run outside of every turn, so no time limit holds for them.
  for (const name of ["WebAssembly", "SharedArrayBuffer", "Atomics", "FinalizationRegistry"]) delete scope[name];
  const prototype = ArrayBuffer.prototype as unknown as Record<string, unknown>;
  for (const name of ["resize", "transfer", "transferToFixedLength", "transferToImmutable", "sliceToImmutable"]) delete prototype[name];
  const Fixed = new Proxy(ArrayBuffer, {
    construct(target, [length, options], newTarget) {
      if ((options as { maxByteLength?: unknown } | undefined)?.maxByteLength !== undefined)
        throw new RangeError("Resizable buffers are not supported here.");
      return Reflect.construct(target, [length], newTarget) as object;
    },
  });
  Object.defineProperty(prototype, "constructor", { value: Fixed, writable: true, configurable: true, enumerable: false });
  Object.defineProperty(scope, "ArrayBuffer", { value: Fixed, writable: true, configurable: true, enumerable: false });
  Reflect.deleteProperty(Object.prototype, "__proto__");
}
