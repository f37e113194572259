import { type Context, errorInfo } from "@plinth/sdk";
import type { Dialect } from "../answering.ts";
import type { Said } from "../asking.ts";
import { type Block, blocksOf, messageOf } from "../pieces.ts";
import { responseEvents } from "./events.ts";
import { KeptResponses } from "./kept.ts";
import { type ResponseRequest, readResponseRequest, remembering } from "./request.ts";
import { completed, itemOf, type Response } from "./response.ts";

type End = Extract<Said, { type: "end" }>;

/** OpenAI's Responses API, and the answers that it keeps. */
export class Responses implements Dialect<ResponseRequest> {
  readonly kept: KeptResponses;
  readonly #ctx: Context;

  constructor(ctx: Context) {
    this.#ctx = ctx;
    this.kept = new KeptResponses(ctx);
  }

  readonly read = (body: string, header: string | undefined) => readResponseRequest(this.kept, this.#ctx.clock.now(), body, header);

  readonly remembered = (request: ResponseRequest, meant: Parameters<typeof remembering>[2]) => remembering(this.kept, request, meant);

  readonly whole = (request: ResponseRequest, said: readonly Said[]) => this.#finish(request, blocksOf(said), said.at(-1) as End);

  readonly stream = (request: ResponseRequest, said: AsyncIterable<Said>) =>
    responseEvents(request, said, (blocks, end) => this.#finish(request, blocks, end));

  readonly failure: Dialect<ResponseRequest>["failure"] = ({ body }) => body;

  /** As OpenAI does it: whoever can shorten a conversation waits for it there. */
  readonly toldInStream = ({ code }: { code: string | null }) => code === "context_length_exceeded";

  async #finish(request: ResponseRequest, blocks: readonly Block[], end: End): Promise<Response> {
    const output = blocks.map((block, at) => itemOf(block, at, request));
    const response = completed(request, output, end, this.#ctx.clock.now());
    if (!request.store) return response;
    const { said, session, before } = request;
    const kept = {
      response,
      messages: [...said, messageOf(blocks)],
      ...(before === undefined ? {} : { previous: before.last.response.id }),
      ...(session === undefined ? {} : { session }),
    };
    try {
      await this.kept.keep(kept);
      return response;
    } catch (error) {
      // It was answered: that it cannot be gone on from is said in it, and no reason to lose it.
      this.#ctx.log.warn("An answer could not be kept.", { ...errorInfo(error) });
      return { ...response, store: false };
    }
  }
}
