import type { ModelEndpoint } from "@plinth/sdk";
import { failure } from "@plinth/sdk/kits/model-api";
import type { Known } from "./known-models.ts";

/** The server's own default: what is longer, it cuts at its beginning without a word. */
const LEAST = 4_096;
/** Kept for the answer where nobody says how long it may be. */
const ANSWER = 2_048;
/** Of English about four, of code and other scripts fewer: rather too much context than too little. */
const BYTES_PER_TOKEN = 3;
/** No text has so few tokens. */
const BYTES_PER_TOKEN_AT_MOST = 8;
const TOKENS_PER_IMAGE = 1_536;
const MOST = 512;

/**
 * How large a context a request asks for, in tokens. A model is loaded anew for another size, so sizes are powers of two, and what a
 * model once had it keeps.
 */
export class ContextSizes {
  readonly #largest = new Map<string, number>();

  /** @param bytes of what is sent, without images. Undefined: the server's own. */
  of(
    endpoint: ModelEndpoint,
    model: string,
    { context, numCtx }: Known,
    asked: { bytes: number; images: number; output: number | undefined },
  ): number {
    const fixed = endpoint.quirks?.numCtx;
    if (Number.isInteger(fixed) && (fixed as number) > 0) return fixed as number;
    const atLeast = Math.ceil(asked.bytes / BYTES_PER_TOKEN_AT_MOST);
    if (context !== undefined && atLeast > context) {
      throw failure("CONTEXT", `The conversation has at least ${atLeast} tokens, and ${JSON.stringify(model)} takes ${context}.`, {
        details: { limitTokens: context, askedTokens: atLeast },
      });
    }
    const wanted = Math.ceil(asked.bytes / BYTES_PER_TOKEN) + asked.images * TOKENS_PER_IMAGE + (asked.output ?? ANSWER);
    const key = `${endpoint.baseUrl} ${model}`;
    const power = 2 ** Math.ceil(Math.log2(Math.max(wanted, LEAST)));
    const size = Math.min(Math.max(power, numCtx ?? 0, this.#largest.get(key) ?? 0), context ?? Number.POSITIVE_INFINITY);
    this.#largest.delete(key);
    this.#largest.set(key, size);
    if (this.#largest.size > MOST) this.#largest.delete(this.#largest.keys().next().value!);
    return size;
  }
}
