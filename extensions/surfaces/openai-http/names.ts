import type { Call, Context, HttpRequest } from "@plinth/sdk";
import { ApiFailure } from "./failure.ts";

/** Who made a name, and when, in milliseconds. */
export interface Named {
  readonly by: string;
  readonly at: number;
  readonly metadata: Readonly<Record<string, unknown>>;
  /** It was deleted: nobody has it any more. */
  readonly closed?: boolean;
}

/** Longer than any answer is kept. */
const NAMED_MS = 30 * 24 * 3_600_000;

/** Whose request it is: what was proven of its sender, and by which token. */
export const callerOf = ({ caller = "" }: HttpRequest, { work }: Call): string =>
  JSON.stringify([work?.principal.role ?? "", work?.principal.via ?? "", caller]);

/** Names of conversations. Whoever uses one first has it; for everybody else it is not there. */
export class Names {
  readonly #ctx: Context;

  constructor(ctx: Context) {
    this.#ctx = ctx;
  }

  /** The conversation of this name, where it is the caller's. */
  async get(name: string, by: string): Promise<Named | undefined> {
    const named = await this.#ctx.store.get<Named>(keyOf(name));
    return named?.by === by && named.closed !== true ? named : undefined;
  }

  /** It is the caller's from here on, for another month. Fails with 404 where it is somebody else's. */
  async take(name: string, by: string, metadata?: Named["metadata"]): Promise<Named> {
    const before = await this.#ctx.store.get<Named>(keyOf(name));
    if (before !== undefined && (before.by !== by || before.closed === true)) throw notThere(name);
    const named: Named = { by, at: before?.at ?? this.#ctx.clock.now(), metadata: metadata ?? before?.metadata ?? {} };
    await this.#ctx.store.set(keyOf(name), named, NAMED_MS);
    return named;
  }

  async close(name: string, by: string): Promise<void> {
    await this.#ctx.store.set(keyOf(name), { by, at: this.#ctx.clock.now(), metadata: {}, closed: true }, NAMED_MS);
  }

  /** A session that somebody else's answers are said in is not there either, whatever names it. */
  async assertNotOthers(session: string, by: string): Promise<void> {
    const named = await this.#ctx.store.get<Partial<Named>>(/^resp_/.test(session) ? `response/${session}` : keyOf(session));
    if (named === undefined ? /^(resp|conv)_/.test(session) : named.by !== by || named.closed === true) throw notThere(session);
  }
}

const keyOf = (name: string): string => `conversation/${name}`;

export const notThere = (name: string): ApiFailure =>
  new ApiFailure(404, `Conversation with id ${JSON.stringify(name.slice(0, 128))} not found.`, { param: "conversation" });
