import { errorInfo } from "../../extension/errors.ts";
import type { FetchOptions, FetchResponse, ModelEvent } from "../../extension/index.ts";
import { EventStreamParser } from "./event-stream.ts";
import { type FailureKind, failure, refused } from "./failure.ts";
import { rateLimitsOf } from "./rate-limits.ts";
import { refusalOf } from "./refusal.ts";
import { letGo } from "./rest.ts";

type Fetch = (url: string, options?: FetchOptions) => Promise<FetchResponse>;

/** Turns one answer into model events. */
export interface AnswerReader {
  /** The answer is whole: what follows is not read. */
  readonly done: boolean;
  /** Take the data of one event of the stream; `out` receives what can be told at once. */
  take(data: string, out: ModelEvent[]): void;
  /** Take the JSON text of a whole answer, of a server that was asked for a stream and does not stream. Default: as `take`. */
  whole?(data: string, out: ModelEvent[]): void;
  /** What is left to tell once nothing more comes, with the one end; or the coded error of an answer that is not whole. */
  finish(): Iterable<ModelEvent>;
}

export interface ExchangeOptions {
  fetch: Fetch;
  /** As errors name the server. */
  title: string;
  /** The caller's. */
  signal: AbortSignal;
  /** What to do about a refusal, where this server's is another than the kit's. */
  next?: (kind: FailureKind) => string | undefined;
}

interface Parser {
  push(chunk: Uint8Array): string[];
  finish?(): string[];
}

export interface AnswerOptions {
  /** Default: an event stream. */
  parser?: Parser;
  /** What becomes of a whole part before it is told, such as `keptEvent`. */
  kept?: (event: ModelEvent) => Promise<ModelEvent>;
}

/** What was asked, to be read. */
export interface Asked extends AnswerOptions {
  response: FetchResponse;
  reader: AnswerReader;
  /** Told before the answer, such as what was left out of the request. */
  before?: readonly ModelEvent[];
}

/** To the head of an answer: a model may think for long before its first word. */
const HEAD_MS = 120_000;
const ASK_MS = 15_000;
const WHOLE_LIMIT = 32 * 1024 * 1024;
/** How often an address may lead to another one. */
const MOVES = 3;

/** One request to a model's server, and its answer: whatever goes wrong on the way is a coded error, and nothing is left open. */
export class Exchange {
  readonly #fetch: Fetch;
  readonly #title: string;
  readonly #signal: AbortSignal;
  readonly #next: ExchangeOptions["next"];
  readonly #ending = new AbortController();

  constructor({ fetch, title, signal, next }: ExchangeOptions) {
    this.#fetch = fetch;
    this.#title = title;
    this.#signal = signal;
    this.#next = next;
  }

  /** Send a request for a completion. Resolves to a good response only. */
  post(url: string, headers: Record<string, string>, body: string): Promise<FetchResponse> {
    return this.ask(url, { method: "POST", headers: { "content-type": "application/json", accept: "text/event-stream", ...headers }, body });
  }

  #staysAt(url: string, to: URL): boolean {
    if (to.origin === new URL(url).origin) return true;
    throw failure("STREAM", `${this.#title} leads to ${to.origin.slice(0, 200)}, which is another server. Nothing was sent there.`, {
      next: "Set the server's address to that one, if it is meant.",
      details: { retryable: false },
    });
  }

  /** Ask for something else than a completion, such as the list of models: its JSON. A `body` makes it a POST; bytes come with their type in `headers`. */
  async json(url: string, headers: Record<string, string>, body?: string | Uint8Array, timeoutMs = ASK_MS): Promise<unknown> {
    const posted = body === undefined ? {} : { method: "POST", body };
    const given = { accept: "application/json", ...(body === undefined ? {} : { "content-type": "application/json" }), ...headers };
    return this.read(await this.ask(url, { headers: given, timeoutMs, maxBytes: WHOLE_LIMIT, ...posted }));
  }

  /** The JSON of an answer to `ask`. */
  async read(response: FetchResponse): Promise<unknown> {
    try {
      return await response.json();
    } catch (error) {
      throw this.#signal.aborted ? error : failure("STREAM", `${this.#title} sent something that is not JSON.`, { cause: error });
    }
  }

  /**
   * Ask for whatever it answers with, such as sound. Resolves to a good response only.
   *
   * @param options `moved`: where it is asked on if the server sends one there; headers stay behind at another origin. Default: at the
   * server itself. What is said, heard or kept goes to the server that was named, wherever that one leads, and so does no question of
   * what there is: this extension may reach what whoever wrote the other address may not.
   */
  async ask(url: string, { moved, ...options }: Omit<FetchOptions, "signal"> & { moved?: (to: URL) => boolean }): Promise<FetchResponse> {
    if (climbs(url)) throw failure("UNKNOWN", `${this.#title} has nothing of such a name: it leads elsewhere.`);
    let given: FetchOptions = { timeoutMs: HEAD_MS, ...options };
    let [from, headers] = [url, options.headers ?? {}];
    for (let times = 0; ; times++) {
      const response = await this.#send(from, { ...given, headers, redirect: "manual" });
      const to = [301, 302, 303, 307, 308].includes(response.status) ? URL.parse(response.headers.location ?? "", from) : null;
      if (to === null) return this.#good(response);
      await response.body[Symbol.asyncIterator]().return?.();
      if (times >= MOVES || !(moved?.(to) ?? this.#staysAt(url, to)))
        throw failure("STREAM", `${this.#title} leads to where nothing of it is expected.`, { details: { retryable: false } });
      headers = to.origin === new URL(from).origin ? headers : {};
      // What was asked for is done, and lies there: asked again, it would be done twice.
      if (response.status === 303) given = withoutBody(given);
      from = to.href;
    }
  }

  /** The pieces of such an answer, as they come. The request ends when their reader leaves. */
  async *pieces(response: FetchResponse): AsyncGenerator<Uint8Array> {
    let whole = false;
    try {
      for await (const piece of response.body) {
        this.#signal.throwIfAborted();
        if (piece.length > 0) yield piece;
      }
      whole = true;
    } catch (error) {
      throw this.#signal.aborted ? error : this.#cut(error);
    } finally {
      if (!whole) this.#ending.abort();
    }
  }

  /** Read the answer. The request ends when the answer is whole, when the reader of the events leaves, or when it fails. */
  answer(response: FetchResponse, reader: AnswerReader, options: AnswerOptions = {}): AsyncGenerator<ModelEvent> {
    return this.asked(async () => ({ response, reader, ...options }));
  }

  /** The same from the first step on, as one generator: each that hands events on costs as much as reading them. */
  async *asked(ask: () => Promise<Asked>): AsyncGenerator<ModelEvent> {
    const { response, reader, before = [], kept, ...given } = await ask();
    const parser: Parser = given.parser ?? new EventStreamParser();
    yield* before;
    const told = async (event: ModelEvent) => (event.type === "part" && kept !== undefined ? kept(event) : event);
    const out: ModelEvent[] = [];
    try {
      if (this.#isWhole(response)) {
        const text = await this.#text(response);
        if (reader.whole) reader.whole(text, out);
        else reader.take(text, out);
        for (const event of out) yield await told(event);
      } else {
        // Here and not in a generator of its own: there is a turn of this loop for each word.
        const body = response.body[Symbol.asyncIterator]();
        let whole = false;
        try {
          for (let over = false; !over; ) {
            const step = await body.next();
            let failed: { error: unknown } | undefined;
            try {
              for (const data of step.done ? (parser.finish?.() ?? []) : parser.push(step.value)) if (!reader.done) reader.take(data, out);
            } catch (error) {
              failed = { error };
            }
            // What was said before something that cannot be read stays said.
            for (const event of out) yield event.type === "part" ? await told(event) : event;
            out.length = 0;
            if (failed !== undefined) throw failed.error;
            whole = reader.done;
            over = whole || step.done === true;
          }
        } finally {
          // A server that keeps the connection after its answer is not waited for.
          if (whole) letGo(body, () => this.#ending.abort());
          else await body.return?.();
        }
      }
    } catch (error) {
      throw this.#signal.aborted ? error : this.#cut(error);
    }
    const limits = rateLimitsOf(response.headers, Date.now());
    for (const event of reader.finish()) {
      if (event.type === "end" && limits.length > 0) yield { type: "limits", limits };
      yield await told(event);
    }
  }

  async #send(url: string, options: FetchOptions): Promise<FetchResponse> {
    const signal = AbortSignal.any([this.#signal, this.#ending.signal]);
    return this.#fetch(url, { ...options, signal }).catch((error) => {
      throw this.#signal.aborted || errorInfo(error).code === "PLINTH_ABORTED" ? error : this.#unreachable(error);
    });
  }

  async #good(response: FetchResponse): Promise<FetchResponse> {
    if (!response.ok) throw refused(this.#title, await refusalOf(response), this.#next);
    return response;
  }

  /** A server may ignore that a stream was asked for, and answer with one JSON object. */
  #isWhole({ headers }: FetchResponse): boolean {
    const type = (headers["content-type"] ?? "").toLowerCase();
    if (/^application\/([\w.]+\+)?json\b/.test(type)) return true;
    if (!/^(text\/html|image\/|audio\/|video\/)/.test(type)) return false;
    throw failure("STREAM", `The answer is ${type.slice(0, 80)} and not a completion.`, {
      next: "Check the server's address.",
      details: { retryable: false },
    });
  }

  async #text(response: FetchResponse): Promise<string> {
    const decoder = new TextDecoder();
    let text = "";
    for await (const chunk of response.body) {
      text += decoder.decode(chunk, { stream: true });
      if (text.length > WHOLE_LIMIT) throw failure("STREAM", "The answer is larger than 32 MiB.", { details: { retryable: false } });
    }
    return text + decoder.decode();
  }

  /** Whatever breaks while an answer is read means that the answer was cut. */
  #cut(error: unknown): unknown {
    const info = errorInfo(error);
    if (info.code.startsWith("PLINTH_MODEL_")) return error;
    return failure("STREAM", `The answer of ${this.#title} was cut: ${info.message}`, { cause: error });
  }

  #unreachable(error: unknown): unknown {
    const why = error instanceof Error ? error.message.slice(0, 500) : "no answer";
    const said = `${this.#title} cannot be reached`;
    return failure("NETWORK", why.startsWith(said) ? why : `${said}: ${why}`, { cause: error });
  }
}

/** Names of models, voices and work come from anybody; one of dots is a step out of where it stands, though it was encoded. */
const climbs = (url: string): boolean => /[/\\](\.|%2e){1,2}([/\\]|$)/i.test(url.split(/[?#]/, 1)[0]!);

const withoutBody = ({ method: _, body: __, ...options }: FetchOptions): FetchOptions => options;
