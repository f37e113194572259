import { type Context, errorInfo } from "@plinth/sdk";
import type { Dialect } from "../answering.ts";
import type { Said } from "../asking.ts";
import { ApiFailure } from "../failure.ts";
import type { Names } from "../names.ts";
import { type Block, blocksOf, messageOf } from "../pieces.ts";
import { responseEvents } from "./events.ts";
import { KeptResponses } from "./kept.ts";
import { type Response, withoutPictures, withPictures } from "./pictures.ts";
import { type ResponseRequest, readResponseRequest, remembering } from "./request.ts";
import { completed, itemOf } from "./response.ts";

type End = Extract<Said, { type: "end" }>;

/** OpenAI's Responses API, and the answers that it keeps. */
export class Responses implements Dialect<ResponseRequest> {
  readonly #ctx: Context;
  readonly #names: Names;
  /** Conversations that an answer is made in. */
  readonly #busy = new Set<string>();

  constructor(ctx: Context, names: Names) {
    this.#ctx = ctx;
    this.#names = names;
  }

  /** What a caller may ask for again. */
  kept(caller: string): KeptResponses {
    return new KeptResponses(this.#ctx, caller);
  }

  readonly read = (body: string, header: string | undefined, caller: string) =>
    readResponseRequest({ kept: this.kept(caller), names: this.#names, caller }, this.#ctx.clock.now(), body, header);

  readonly remembered = async (request: ResponseRequest, meant: Parameters<typeof remembering>[2]) => {
    const { alone, caller, before } = request;
    const kept = this.kept(caller);
    if (alone === undefined) return remembering(kept, request, meant);
    this.#enter(alone);
    try {
      // One may have ended since this request was read.
      if ((await kept.lastOf(alone)) !== before?.last.response.id) throw locked(alone);
      return await remembering(kept, request, meant);
    } catch (error) {
      this.#busy.delete(alone);
      throw error;
    }
  };

  /** Whatever is done to a conversation, one after the other. */
  async alone<T>(name: string, body: () => Promise<T>): Promise<T> {
    this.#enter(name);
    try {
      return await body();
    } finally {
      this.#busy.delete(name);
    }
  }

  #enter(name: string): void {
    if (this.#busy.has(name)) throw locked(name);
    this.#busy.add(name);
  }

  readonly done = ({ alone }: ResponseRequest) => {
    if (alone !== undefined) this.#busy.delete(alone);
  };

  readonly whole = (request: ResponseRequest, said: readonly Said[]) => this.#finish(request, blocksOf(said), said.at(-1) as End);

  readonly stream = (request: ResponseRequest, said: AsyncIterable<Said>) =>
    responseEvents(request, said, (blocks, end) => this.#finish(request, blocks, end));

  readonly failure: Dialect<ResponseRequest>["failure"] = ({ body }) => body;

  /** As OpenAI does it: whoever can shorten a conversation waits for it there. */
  readonly toldInStream = ({ code }: { code: string | null }) => code === "context_length_exceeded";

  async #finish(request: ResponseRequest, blocks: readonly Block[], end: End): Promise<Response> {
    const output = blocks.map((block, at) => itemOf(block, at, request));
    const response = completed(request, output, end, this.#ctx.clock.now());
    const told = await withPictures(response, async () => undefined);
    if (!request.store) return told;
    const { said, instructed, session, whole, before } = request;
    const kept = {
      response: withoutPictures(response),
      messages: [...said, messageOf(blocks)],
      ...(instructed.length === 0 ? {} : { system: instructed }),
      ...(before === undefined ? {} : { previous: before.last.response.id }),
      ...(session === undefined ? {} : { session, whole }),
    };
    try {
      await this.kept(request.caller).keep(kept);
      return told;
    } catch (error) {
      // It was answered: that it cannot be gone on from is said in it, and no reason to lose it.
      this.#ctx.log.warn("An answer could not be kept.", { ...errorInfo(error) });
      return { ...told, store: false };
    }
  }
}

const locked = (name: string): ApiFailure =>
  new ApiFailure(409, `Another answer is being made in the conversation ${JSON.stringify(name)}. Ask again when it is over.`, {
    code: "conversation_locked",
    param: "conversation",
  });
