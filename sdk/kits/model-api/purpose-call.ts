import type { Client, ContentPart, FetchOptions, FetchResponse, ModelRequest, PurposeEndpoint } from "../../extension/index.ts";
import { Exchange } from "./exchange.ts";
import type { Medium } from "./media-type.ts";
import { madePart, partBytes } from "./part-bytes.ts";
import { type PurposeServer, serverOf } from "./purpose-server.ts";
import type { ResultOptions } from "./results.ts";
import { Unsupported } from "./support.ts";

/** What of a context a call needs. */
interface Ways {
  fetch(url: string, options?: FetchOptions): Promise<FetchResponse>;
  use(contract: "plinth.artifacts"): { one(): Client<"plinth.artifacts"> };
}

interface Asked {
  endpoint?: PurposeEndpoint;
  model?: string;
  onUnsupported?: ModelRequest["onUnsupported"];
}

type Bytes = Extract<ContentPart, { type: "image" | "audio" | "video" | "file" }>;

/** What every call of a model for one purpose begins with: whose server, what it cannot take, the exchange with it, and bytes in and out. */
export class PurposeCall<Model extends { id: string; aliases?: string[]; takes?: string[] }> {
  readonly server: PurposeServer<Model>;
  readonly unsupported: Unsupported;
  readonly exchange: Exchange;
  readonly signal: AbortSignal;
  readonly artifacts: () => Client<"plinth.artifacts">;
  readonly #fetch: Ways["fetch"];

  /** @param signal the caller's */
  constructor(ways: Ways, request: Asked, signal: AbortSignal) {
    this.server = serverOf<Model>(request);
    this.unsupported = new Unsupported(this.server.title, request);
    this.signal = signal;
    this.artifacts = () => ways.use("plinth.artifacts").one();
    this.#fetch = (url, options) => ways.fetch(url, options);
    this.exchange = this.#exchange(signal);
  }

  /** With the same server, whether or not the caller stays: for what has to be known or ended all the same. Its requests are short. */
  lasting(): Exchange {
    return this.#exchange(new AbortController().signal);
  }

  /** A part of the request, of at most `max` bytes. @param param the request's field */
  read(part: Bytes, param: string, max: number): Promise<Uint8Array<ArrayBuffer>> {
    const { artifacts, signal, server } = this;
    return partBytes(part, { title: server.title, param, max, artifacts, signal });
  }

  /** What the model made, as a part. */
  made<Type extends Medium>(medium: Type, mimeType: string, bytes: Uint8Array): Promise<Extract<ContentPart, { type: Type }>> {
    return madePart(medium, mimeType, bytes, this.artifacts, this.signal);
  }

  /** For `resultPart` and `resultBytes`: how to fetch what the server made and gave an address of. */
  results(rules: Pick<ResultOptions, "hosts" | "max" | "headers">): ResultOptions {
    const { artifacts, signal, server } = this;
    // An exchange whose answer was left half read is over.
    return { exchange: this.#exchange(signal), artifacts, signal, title: server.title, server: server.endpoint.baseUrl, ...rules };
  }

  #exchange(signal: AbortSignal): Exchange {
    return new Exchange({ fetch: this.#fetch, title: this.server.title, signal });
  }
}
