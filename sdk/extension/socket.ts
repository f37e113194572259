import type { Bridge, SocketItem } from "@plinth/manifests/wire/bridge.ts";
import { PlinthError } from "@plinth/manifests/wire/error.ts";
import { linkedSignal } from "./linked-signal.ts";

export interface SocketOptions {
  protocols?: string[];
  /** May hold secrets' handles. */
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

/** A WebSocket to a granted host. Messages wait for their reader: iterate, or close it. */
export interface Socket extends AsyncIterable<string | Uint8Array> {
  /** The one of the protocols that the server chose. */
  readonly protocol: string;
  /** How it ended; never rejects. 1006 = it broke off. */
  readonly closed: Promise<{ code: number; reason: string }>;
  /** Resolves when there is room for the next message. */
  send(data: string | Uint8Array): Promise<void>;
  close(code?: number, reason?: string): Promise<void>;
}

export async function startSocket(
  bridge: Pick<Bridge, "socket" | "socketSend" | "socketClose">,
  stopping: AbortSignal,
  url: string,
  options: SocketOptions = {},
): Promise<Socket> {
  const { protocols, headers, signal } = options;
  const linked = linkedSignal(stopping, signal);
  const iterator = bridge.socket({ url: String(url), protocols, headers }, linked.signal)[Symbol.asyncIterator]();
  const first = await iterator.next().catch((thrown: unknown) => {
    linked.release();
    throw thrown;
  });
  if (first.done || !("open" in first.value)) throw new PlinthError("PLINTH_NET", `${new URL(url).host} did not open the connection.`);
  const { open: id, protocol } = first.value;
  let ended: (how: { code: number; reason: string }) => void = () => {};
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    ended = (how) => {
      linked.release();
      resolve(how);
    };
  });
  let reading = false;
  const broken = { code: 1006, reason: "" };

  const next = async (): Promise<IteratorResult<string | Uint8Array, undefined>> => {
    let step: IteratorResult<SocketItem>;
    try {
      step = await iterator.next();
    } catch (thrown) {
      ended(broken);
      throw thrown;
    }
    if (step.done) ended(broken);
    else if ("text" in step.value) return { done: false, value: step.value.text };
    else if ("binary" in step.value) return { done: false, value: step.value.binary };
    else if ("close" in step.value) ended({ code: step.value.close, reason: step.value.reason });
    return { done: true, value: undefined };
  };
  /** Whoever closes it does not read what is still on the way. */
  const drop = async (): Promise<void> => {
    await iterator.return?.();
    ended({ code: 1000, reason: "" });
  };
  return Object.freeze({
    protocol,
    closed,
    send: (data: string | Uint8Array) => bridge.socketSend(id, data),
    async close(code?: number, reason?: string) {
      await bridge.socketClose(id, code, reason);
      // A reader goes on to the end; without one, nobody would ever take what is left.
      if (!reading) await iterator.return?.();
      ended({ code: code ?? 1000, reason: reason ?? "" });
    },
    [Symbol.asyncIterator]() {
      reading = true;
      return {
        next,
        async return() {
          await drop();
          return { done: true as const, value: undefined };
        },
      };
    },
  });
}
