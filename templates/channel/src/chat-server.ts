import { type FetchOptions, type FetchResponse, PlinthError, type Receipt, type Socket } from "@plinth/sdk";

/** What happens there, as the server tells it. */
export interface Happening {
  id: string;
  at: number;
  from: { id: string; name?: string };
  /** Where there is one, it was written in a room. */
  room?: string;
  mention?: boolean;
  text: string;
  /** A picture, at an address of the server's. */
  image?: { url: string; mimeType: string; name?: string };
}

/** A picture on its way to the server. */
export interface Picture {
  mimeType: string;
  base64: string;
  name?: string;
}

/** The roads to the network, as `ctx` has them. */
export interface Roads {
  fetch(url: string, options?: FetchOptions): Promise<FetchResponse>;
  connect(url: string): Promise<Socket>;
}

/** The server says how long to wait. */
export class TooFast extends PlinthError {
  readonly retryAfterMs: number;

  constructor(message: string, retryAfterMs: number) {
    super("PLINTH_CHANNEL_RATE", message);
    this.retryAfterMs = retryAfterMs;
  }

  get receipt(): Receipt {
    const { code, message, retryAfterMs } = this;
    return { status: "failed", messages: [], failed: { code, message, permanent: false, retryAfterMs } };
  }
}

/** The service's own protocol: replace this file by that of the service you want to talk to. */
export class ChatServer {
  readonly #url: string;
  readonly #roads: Roads;

  constructor(url: string, roads: Roads) {
    this.#url = url.replace(/\/$/, "");
    this.#roads = roads;
  }

  /** What happens, as it happens. What is not acknowledged comes again with the next connection. */
  events(): Promise<Socket> {
    return this.#roads.connect(`${this.#url.replace(/^http/, "ws")}/events`);
  }

  /** The message's id there; the same key is the same message. */
  async post(message: { to: string; text: string; key: string; image?: Picture }, signal: AbortSignal): Promise<string> {
    const answer = (await (await this.#ask("/messages", message, signal)).json()) as { id: unknown };
    return String(answer.id);
  }

  /** A picture that somebody sent, as it arrives. Nothing is fetched from elsewhere. */
  async picture(url: string, signal: AbortSignal): Promise<{ body: AsyncIterable<Uint8Array>; mimeType?: string }> {
    if (!url.startsWith(`${this.#url}/`)) throw new PlinthError("PLINTH_CHANNEL_UNSUPPORTED", "The picture does not lie on the chat server.");
    const response = await this.#roads.fetch(url, { signal });
    if (!response.ok) throw failure(response);
    const mimeType = response.headers["content-type"];
    return { body: response.body, ...(mimeType === undefined ? {} : { mimeType }) };
  }

  async typing(to: string, on: boolean, signal: AbortSignal): Promise<void> {
    await this.#ask("/typing", { to, on }, signal);
  }

  async #ask(path: string, body: unknown, signal: AbortSignal): Promise<FetchResponse> {
    const headers = { "content-type": "application/json" };
    const response = await this.#roads.fetch(this.#url + path, { method: "POST", headers, body: JSON.stringify(body), signal });
    if (response.ok) return response;
    throw failure(response);
  }
}

/** What an answer means for whoever sends: whether to try again, when, or not at all. */
function failure({ status, headers }: FetchResponse): PlinthError {
  const told = `The chat server answered ${status}.`;
  if (status === 401 || status === 403) return new PlinthError("PLINTH_CHANNEL_AUTH", told, { next: "Look at the account's credentials." });
  if (status === 404 || status === 410) return new PlinthError("PLINTH_CHANNEL_GONE", told);
  if (status === 413) return new PlinthError("PLINTH_CHANNEL_TOO_LARGE", told);
  if (status === 429) return new TooFast(told, 1_000 * Number(headers["retry-after"] ?? 1));
  return new PlinthError("PLINTH_CHANNEL_DOWN", told, { next: "Look into its log." });
}
