import { PlinthError } from "@plinth/manifests/wire/error.ts";
import { errorInfo } from "../../extension/errors.ts";
import { type Framing, lineFraming } from "./framing.ts";

const MAX_MESSAGE = 4 * 1_048_576;
const MAX_PENDING = 1_024;
const MAX_ANSWERING = 64;

/** The part of a program that is spoken with; whatever has these two streams will do. */
export interface Line {
  readonly stdin: { write(data: string): Promise<void> };
  readonly stdout: AsyncIterable<Uint8Array>;
}

type Id = number | string;
type Answer = (params: unknown, signal: AbortSignal) => unknown;

export interface JsonRpcOptions {
  /** Default: one message a line. */
  framing?: Framing;
  /** What the other side may ask, by method. What is not here is answered with -32601. */
  requests?: Readonly<Record<string, Answer>>;
  /** Told of each notification, in order, before the next message is read. */
  onNotification?: (method: string, params: unknown) => unknown;
  /** Told of what is no message: many programs print a greeting. Default: passed over. */
  onStray?: (text: string) => void;
  /** Of one message; default 4 MiB. */
  maxBytes?: number;
  /** Say `"jsonrpc": "2.0"`; default true. Codex does without. */
  versioned?: boolean;
}

export interface JsonRpc {
  /** @param signal gives up waiting; the other side is not told, since how differs (`$/cancelRequest`, `notifications/cancelled`). */
  request<T = unknown>(method: string, params?: unknown, signal?: AbortSignal): Promise<T>;
  notify(method: string, params?: unknown): Promise<void>;
  /** Resolves when the other side's output is over; never rejects. What was asked until then fails. */
  readonly closed: Promise<void>;
}

/** The other side answered with an error: its own code and data. */
export class RpcError extends PlinthError {
  readonly rpcCode: number;
  readonly data: unknown;

  constructor(method: string, { code, message, data }: { code?: unknown; message?: unknown; data?: unknown }) {
    super("PLINTH_RPC", `${method}: ${String(message).slice(0, 2_000)}`, { next: "See the program's documentation." });
    this.rpcCode = Number(code);
    this.data = data;
  }
}

/** JSON-RPC 2.0 with a program, both ways. Reading begins at once. */
export function jsonRpcOver(line: Line, options: JsonRpcOptions = {}): JsonRpc {
  const { framing = lineFraming, requests = {}, onNotification, onStray, maxBytes = MAX_MESSAGE, versioned = true } = options;
  const pending = new Map<Id, { method: string; resolve(value: unknown): void; reject(error: Error): void }>();
  const over = new AbortController();
  const methods = new Map(Object.entries(requests));
  let last = 0;
  let answering = 0;

  const send = (message: object): Promise<void> =>
    line.stdin.write(framing.write(JSON.stringify({ ...(versioned ? { jsonrpc: "2.0" } : {}), ...message })));

  const answer = async (id: Id, method: string, params: unknown): Promise<void> => {
    const found = methods.get(method);
    if (found === undefined) return send({ id, error: { code: -32601, message: `There is no method ${method.slice(0, 100)}.` } });
    if (answering >= MAX_ANSWERING) return send({ id, error: { code: -32000, message: "Too many requests at one time." } });
    answering++;
    try {
      const result = await found(params, over.signal);
      await send({ id, result: result === undefined ? null : result });
    } catch (thrown) {
      const { code, message } = errorInfo(thrown);
      await send({ id, error: { code: -32000, message, data: { code } } });
    } finally {
      answering--;
    }
  };

  const take = async (text: string): Promise<void> => {
    const message = parsed(text);
    if (message === null) return onStray?.(text);
    const { id, method, params, error, result } = message;
    const known = typeof id === "number" || typeof id === "string";
    if (typeof method === "string") {
      // Not waited for: what it asks of us may need its own answers.
      if (known) answer(id, method, params).catch(() => {});
      else await onNotification?.(method, params);
      return;
    }
    const asked = known ? pending.get(id) : undefined;
    if (asked === undefined) return onStray?.(text);
    pending.delete(id as Id);
    if (error !== undefined && error !== null) asked.reject(new RpcError(asked.method, error as object));
    else asked.resolve(result);
  };

  const reading = (async () => {
    for await (const text of framing.read(line.stdout, maxBytes)) await take(text);
  })();
  const ended = (cause?: unknown): void => {
    const error = gone(cause);
    over.abort(error);
    for (const { reject } of pending.values()) reject(error);
    pending.clear();
  };
  const closed = reading.then(() => ended(), ended);

  return Object.freeze<JsonRpc>({
    closed,
    notify: (method, params) => send({ method, ...(params === undefined ? {} : { params }) }),
    request<T>(method: string, params?: unknown, signal?: AbortSignal): Promise<T> {
      if (over.signal.aborted) return Promise.reject(over.signal.reason);
      if (signal?.aborted) return Promise.reject(signal.reason);
      if (pending.size >= MAX_PENDING)
        return Promise.reject(new PlinthError("PLINTH_QUOTA", `${MAX_PENDING} requests wait for an answer.`, { next: "Wait for some of them." }));
      const id = ++last;
      return new Promise<T>((resolve, reject) => {
        const giveUp = (): void => {
          pending.delete(id);
          reject(signal?.reason);
        };
        const settled = (): void => signal?.removeEventListener("abort", giveUp);
        signal?.addEventListener("abort", giveUp, { once: true });
        pending.set(id, {
          method,
          resolve(value) {
            settled();
            resolve(value as T);
          },
          reject(error) {
            settled();
            reject(error);
          },
        });
        send({ id, method, ...(params === undefined ? {} : { params }) }).catch((thrown: Error) => {
          if (pending.delete(id)) reject(thrown);
        });
      });
    },
  });
}

function parsed(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return value !== null && typeof value === "object" && !Array.isArray(value) ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

const gone = (cause: unknown): PlinthError =>
  cause instanceof PlinthError
    ? cause
    : new PlinthError("PLINTH_EXEC_ENDED", "The program is over: nobody answers.", { cause, next: "Open it again." });
