import { type FetchOptions, type FetchResponse, PlinthError } from "@plinth/sdk";

export interface Message {
  id: number;
  from: string;
  text: string;
}

type Fetch = (url: string, options?: FetchOptions) => Promise<FetchResponse>;

/** The chat server's own protocol. Replace it with that of the service you want to talk to. */
export class ChatServer {
  readonly #url: string;
  readonly #fetch: Fetch;

  constructor(url: string, fetch: Fetch) {
    this.#url = url.replace(/\/$/, "");
    this.#fetch = fetch;
  }

  /** Messages newer than `after`; the server waits a while when there is none. */
  async messages(after: number, signal: AbortSignal): Promise<Message[]> {
    const response = await this.#fetch(`${this.#url}/messages?after=${after}`, { signal, timeoutMs: 60_000, maxBytes: 1_048_576 });
    const found = (await checked(response).json()) as Message[];
    return found.map(({ id, from, text }) => ({ id: Number(id), from: String(from), text: String(text) }));
  }

  /** The new message's id. */
  async post(message: { to: string; text: string }, signal: AbortSignal): Promise<string> {
    const response = await this.#fetch(`${this.#url}/messages`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(message),
      signal,
    });
    return String(((await checked(response).json()) as { id: unknown }).id);
  }
}

function checked(response: FetchResponse): FetchResponse {
  if (response.ok) return response;
  throw new PlinthError("PLINTH_NET", `The chat server answered ${response.status}.`, { next: "Look into its log." });
}
