/** What an extension may expect of the web besides events and timers; made in an isolate that reads one of them. */
import { webGlobals } from "../web/index.ts";
import { cloner } from "./clone.ts";
import { neverCopied } from "./copy-symbol.ts";
import { makeCrypto } from "./crypto.ts";
import { atob, btoa, decoderClass, TextEncoder } from "./encoding.ts";
import { defineCodes } from "./exception-codes.ts";
import type { MakeGlobals } from "./lazy-globals.ts";
import { addressClasses } from "./url.ts";

export const make: MakeGlobals = ({ send, bridge, detach }) => {
  const { Event, EventTarget, DOMException } = globalThis;
  defineCodes(DOMException);
  class CustomEvent extends Event {
    readonly detail: unknown;

    constructor(type: string, init: CustomEventInit | null = {}) {
      super(type, init ?? {});
      this.detail = init?.detail ?? null;
    }
  }
  const globals = {
    CustomEvent,
    TextDecoder: decoderClass((label) => JSON.parse(send(`D${label.slice(0, 100)}`) || "null")),
    TextEncoder,
    atob,
    btoa,
    structuredClone: cloner(detach),
    ...addressClasses(send),
    ...makeCrypto(send),
    ...webGlobals(bridge, { Event, EventTarget, DOMException }),
  };
  neverCopied({ ...globals, Event, EventTarget, fetch: undefined });
  return globals;
};
