/** The web's network, made from the bridge: the same in each guest, and no way around the host's egress. */
import type { Bridge } from "@plinth/manifests/wire/bridge.ts";
import { makeFetch, Request, Response } from "./fetch.ts";
import { Headers } from "./headers.ts";
import { webSocketClasses } from "./websocket.ts";

/** What the guest has already. */
export interface WebBase {
  readonly Event: new (type: string) => Event;
  readonly EventTarget: new () => EventTarget;
  readonly DOMException: new (message?: string, name?: string) => Error;
}

/** Globals by name. */
export function webGlobals(bridge: Bridge, { Event, EventTarget, DOMException }: WebBase): Record<string, unknown> {
  const sockets = webSocketClasses(bridge, Event, EventTarget, (message, name) => new DOMException(message, name));
  return { fetch: makeFetch(bridge), Headers, Request, Response, ...sockets };
}
