import { type Context, errorInfo, type ModelMessage } from "@plinth/sdk";
import { KEPT_MS, type TextPart } from "../conversation.ts";
import { ApiFailure } from "../failure.ts";
import { invalid } from "../fields.ts";
import { pictureBytes } from "../parts.ts";
import type { Item } from "./items.ts";
import { withPicture } from "./pictures.ts";
import { type Bytes, type Telling, toldItems } from "./told-items.ts";

/** An answer as it is kept: what clients may ask for again, and what it adds to its conversation. */
export interface KeptResponse {
  readonly response: Item & { id: string; output: Item[] };
  /** What was asked, and the answer. */
  readonly messages: ModelMessage[];
  /** Instructions that were among the items, and hold from there on. */
  readonly system?: TextPart[];
  /** Nobody answered: items that were added to a conversation. */
  readonly added?: boolean;
  readonly previous?: string;
  /** Whose it is: for others it is not there. */
  readonly by: string;
  /** When it was kept, or needed, in milliseconds. */
  readonly at: number;
  /** The session of an agent that it was said in, or the conversation of a model. */
  readonly session?: string;
  /** The session remembers all that was said up to here. */
  readonly whole?: boolean;
}

/** What was said before a request. */
export interface Before {
  readonly last: KeptResponse;
  readonly messages: ModelMessage[];
  readonly system: TextPart[];
}

/** Answers that one conversation goes through, at most. */
const MOST = 1_000;

const RESPONSE = /^resp_[a-z0-9]{9,64}$/;

/** Sessions that somebody is about to go on in. */
const taken = new WeakMap<Context, Set<string>>();

/** A caller's answers that can be gone on from, for a day. A full store gives up its oldest. */
export class KeptResponses {
  readonly #ctx: Context;
  readonly #by: string;

  /** @param by the caller. */
  constructor(ctx: Context, by: string) {
    this.#ctx = ctx;
    this.#by = by;
  }

  /** Names that sort by their time. */
  newId(): string {
    const time = this.#ctx.clock.now().toString(36).padStart(9, "0");
    return `resp_${time}${crypto.randomUUID().replaceAll("-", "")}`;
  }

  async get(id: string): Promise<KeptResponse | undefined> {
    const kept = RESPONSE.test(id) ? await this.#ctx.store.get<KeptResponse>(`response/${id}`) : undefined;
    return kept?.by === this.#by ? kept : undefined;
  }

  async existing(id: string): Promise<KeptResponse> {
    const kept = await this.get(id);
    if (kept !== undefined) return kept;
    throw new ApiFailure(404, `Response with id ${JSON.stringify(id.slice(0, 100))} not found.`);
  }

  async delete(id: string): Promise<void> {
    await this.existing(id);
    await this.#ctx.store.delete(`response/${id}`);
  }

  /**
   * What was said up to an answer, from the beginning. It is kept for another day from here on.
   *
   * @param whole true: fails where something before it is not kept any more; false: begins after that.
   */
  async conversation(id: string, whole: boolean): Promise<Before | undefined> {
    const chain = await this.#chain(id, whole);
    const last = chain.at(-1);
    return last && { last, messages: chain.flatMap(({ messages }) => messages), system: chain.flatMap(({ system = [] }) => system) };
  }

  /** Items of an answer's request; with `all`, all that was said up to it, the answer too. */
  async items(id: string, all: boolean): Promise<Telling[]> {
    const chain = all ? await this.#chain(id, false) : [await this.existing(id)];
    const items: Telling[] = [];
    for (const { response, messages, added } of chain) {
      const asked = added === true ? messages : messages.slice(0, -1);
      items.push(...toldItems(asked, (kind, at) => `${kind}_${response.id.slice("resp_".length)}_i${at}`));
      if (all) for (const item of response.output) items.push({ id: item.id, tell: (bytes) => withPicture(item, bytes) });
    }
    return items;
  }

  /** Reads what lies in artifacts. */
  bytes(signal: AbortSignal): Bytes {
    return (artifact) => pictureBytes(this.#ctx, artifact, signal);
  }

  async #chain(id: string, whole: boolean): Promise<KeptResponse[]> {
    const chain: KeptResponse[] = [];
    for (let next: string | undefined = id; next !== undefined && chain.length < MOST; ) {
      const kept: KeptResponse | undefined = await this.get(next);
      if (kept === undefined) {
        if (whole) throw notKept(next);
        break;
      }
      await this.#touch(kept);
      chain.unshift(kept);
      next = kept.previous;
    }
    return chain;
  }

  /** The last answer of a session or conversation. */
  async lastOf(session: string): Promise<string | undefined> {
    const last = await this.#ctx.store.get<string>(`last/${session}`);
    return last === undefined ? undefined : (await this.get(last))?.response.id;
  }

  /**
   * Takes the session of an answer for the one that follows it, where that answer is its last and all is
   * remembered there. Of several that follow the same
   * one, the first has the session; the others branch off.
   */
  async goOn({ session, whole, response }: KeptResponse, next: string): Promise<boolean> {
    const all = taken.get(this.#ctx) ?? new Set();
    taken.set(this.#ctx, all);
    if (session === undefined || whole !== true || all.has(session)) return false;
    all.add(session);
    try {
      if ((await this.#ctx.store.get<string>(`last/${session}`)) !== response.id) return false;
      await this.#ctx.store.set(`last/${session}`, next, KEPT_MS);
      return true;
    } finally {
      all.delete(session);
    }
  }

  /** An item that was answered before, by its id. */
  async item(id: unknown): Promise<Item | undefined> {
    const [, response = "", asked, at] = /^[a-z]+_([a-z0-9]+)_(i?)(\d{1,4})$/.exec(String(id)) ?? [];
    const kept = await this.get(`resp_${response}`);
    if (kept === undefined || asked === "") return kept?.response.output[Number(at)];
    return (await this.items(kept.response.id, false)).find((one) => one.id === id)?.tell(this.bytes(this.#ctx.signal));
  }

  async keep(answered: Omit<KeptResponse, "at" | "by">): Promise<void> {
    const kept: KeptResponse = { ...answered, by: this.#by, at: this.#ctx.clock.now() };
    const save = async () => {
      await this.#ctx.store.set(`response/${kept.response.id}`, kept, KEPT_MS);
      if (kept.session !== undefined) await this.#ctx.store.set(`last/${kept.session}`, kept.response.id, KEPT_MS);
    };
    try {
      await save();
    } catch (error) {
      if (errorInfo(error).code !== "PLINTH_QUOTA") throw error;
      const oldest = await this.#ctx.store.keys("response/");
      for (const key of oldest.slice(0, Math.ceil(oldest.length / 4))) await this.#ctx.store.delete(key);
      await save();
    }
  }

  /** Not each time: a long conversation would be written anew with every answer. */
  async #touch(kept: KeptResponse): Promise<void> {
    const now = this.#ctx.clock.now();
    if (now - kept.at > KEPT_MS / 2) await this.#ctx.store.set(`response/${kept.response.id}`, { ...kept, at: now }, KEPT_MS);
  }
}

const notKept = (id: string): ApiFailure =>
  invalid(
    `Previous response with id ${JSON.stringify(id.slice(0, 100))} not found. Answers are kept for a day: send the conversation along in \`input\`.`,
    "previous_response_id",
    "previous_response_not_found",
  );
