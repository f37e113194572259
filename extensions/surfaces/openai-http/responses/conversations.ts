import { randomBytes } from "node:crypto";
import type { Context, HttpRequest } from "@plinth/sdk";
import { textOf } from "@plinth/sdk/kits/http";
import { withArtifacts } from "../conversation.ts";
import { ApiFailure } from "../failure.ts";
import { invalid, objectOf, parseBody } from "../fields.ts";
import { type Named, type Names, notThere } from "../names.ts";
import type { Responses } from "./index.ts";
import { type Item, inputItems, readAll } from "./items.ts";
import { pageOf, type Telling } from "./told-items.ts";

/** Items that one request may add. */
const MOST = 20;

/** Conversations by their names, as OpenAI's API tells them. */
export class Conversations {
  readonly #ctx: Context;
  readonly #names: Names;
  readonly #responses: Responses;

  constructor(ctx: Context, names: Names, responses: Responses) {
    this.#ctx = ctx;
    this.#names = names;
    this.#responses = responses;
  }

  async create(request: HttpRequest, by: string, signal: AbortSignal): Promise<object> {
    const body = bodyOf(request);
    const id = `conv_${randomBytes(16).toString("hex")}`;
    const items = body.items === undefined || body.items === null ? [] : itemsOf(body);
    const named = await this.#names.take(id, by, metadataOf(body) ?? {});
    if (items.length > 0) await this.#add(id, by, items, signal);
    return told(id, named);
  }

  async get(id: string, by: string): Promise<object> {
    return told(id, await this.#existing(id, by));
  }

  async update(id: string, request: HttpRequest, by: string): Promise<object> {
    await this.#existing(id, by);
    return told(id, await this.#names.take(id, by, metadataOf(bodyOf(request))));
  }

  /** Its name stays taken: nobody goes on in it. Its answers are kept as long as others. */
  async delete(id: string, by: string): Promise<object> {
    await this.#existing(id, by);
    await this.#names.close(id, by);
    return { id, object: "conversation.deleted", deleted: true };
  }

  async items(id: string, { query }: HttpRequest, by: string, signal: AbortSignal): Promise<object> {
    return pageOf(await this.#all(id, by), query, this.#responses.kept(by).bytes(signal));
  }

  async item(id: string, item: string, by: string, signal: AbortSignal): Promise<object> {
    const found = (await this.#all(id, by)).find((one) => one.id === item);
    if (found === undefined) throw new ApiFailure(404, `Item with id ${JSON.stringify(item.slice(0, 100))} not found.`);
    return found.tell(this.#responses.kept(by).bytes(signal));
  }

  async add(id: string, request: HttpRequest, by: string, signal: AbortSignal): Promise<object> {
    const before = (await this.#all(id, by)).length;
    await this.#add(id, by, itemsOf(bodyOf(request)), signal);
    const added: [string, string][] = [
      ["order", "asc"],
      ["limit", "100"],
    ];
    return pageOf((await this.#all(id, by)).slice(before), added, this.#responses.kept(by).bytes(signal));
  }

  async #existing(id: string, by: string): Promise<Named> {
    const named = await this.#names.get(id, by);
    if (named === undefined) throw notThere(id);
    return named;
  }

  async #all(id: string, by: string): Promise<Telling[]> {
    await this.#existing(id, by);
    const kept = this.#responses.kept(by);
    const last = await kept.lastOf(id);
    return last === undefined ? [] : kept.items(last, true);
  }

  /** What is added stands in the conversation like a turn that nobody answered. */
  async #add(session: string, by: string, items: Item[], signal: AbortSignal): Promise<void> {
    const kept = this.#responses.kept(by);
    await this.#responses.alone(session, async () => {
      const last = await kept.lastOf(session);
      const before = last === undefined ? undefined : await kept.conversation(last, false);
      const said = readAll(items, before?.messages ?? []);
      const { messages } = await withArtifacts(said, () => this.#ctx.use("plinth.artifacts").one(), signal);
      const response = { id: kept.newId(), object: "response", output: [] };
      const more = { session, whole: false, added: true, ...(last === undefined ? {} : { previous: last }) };
      await kept.keep({ response, messages, system: said.system, ...more });
    });
  }
}

const told = (id: string, { at, metadata }: Named): object => ({ id, object: "conversation", created_at: Math.floor(at / 1000), metadata });

/** A request of this part of the API may have no body. */
const bodyOf = (request: HttpRequest): Record<string, unknown> => {
  const text = textOf(request);
  return text.trim() === "" ? {} : parseBody(text);
};

function metadataOf({ metadata }: Record<string, unknown>): Record<string, unknown> | undefined {
  if (metadata === undefined || metadata === null) return undefined;
  const read = objectOf(metadata);
  if (read === undefined || JSON.stringify(read).length > 16_384) throw invalid("`metadata` must be an object of at most 16 KiB.", "metadata");
  return read;
}

function itemsOf({ items }: Record<string, unknown>): Item[] {
  if (!Array.isArray(items) || items.length === 0 || items.length > MOST) throw invalid(`\`items\` must be a list of 1 to ${MOST} items.`, "items");
  return inputItems(items);
}
