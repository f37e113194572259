import { PlinthError } from "./errors.ts";
import type { Provider } from "./types.ts";

/** How one method's payloads are turned. What is left out stays as it is. Pure functions: the same value gives the same value. */
export interface Conversion {
  /** The provider's name of the method, where it has another one there. */
  method?: string;
  input?(value: any): unknown;
  output?(value: any): unknown;
  /** Each item of a stream. */
  item?(value: any): unknown;
}

/** By the methods' names as the caller knows them. */
export type Conversions = Readonly<Record<string, Conversion>>;

/**
 * Lets consumers and providers of an older major of your contract go on working beside the newer one. Define both majors in
 * `defines`, and provide this as `plinth.contract-adapter`.
 *
 * @param older for calls that consumers of the older major make to providers of the newer one.
 * @param newer for calls the other way round; leave it out where the descriptor's `callers` does.
 */
export function contractAdapter({ older = {}, newer = {} }: { older?: Conversions; newer?: Conversions }): Provider<"plinth.contract-adapter"> {
  return {
    convert({ caller, part, method, value }) {
      const all = caller === "older" ? older : newer;
      const one = Object.hasOwn(all, method) ? all[method] : undefined;
      const turn = one?.[part];
      const turned = turn === undefined ? value : turn(value);
      if (turned === undefined) throw new PlinthError("PLINTH_PAYLOAD", `The adapter's ${part} of ${method} gave nothing.`);
      return part === "input" && one?.method !== undefined ? { method: one.method, value: turned } : { value: turned };
    },
  };
}
