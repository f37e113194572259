import { type ModelMessage, type Part, partLabel } from "@plinth/sdk";
import { ApiFailure } from "../failure.ts";
import type { Item } from "./items.ts";

/** The bytes of an artifact as base64; undefined where it is gone. */
export type Bytes = (artifact: string) => Promise<string | undefined>;

/** An item that is told when it is asked for: the bytes of pictures are read no earlier. */
export interface Telling {
  readonly id: unknown;
  tell(bytes: Bytes): Item | Promise<Item>;
}

/** What was said, as items under ids of their own: `idOf` makes one of a kind and its place. */
export function toldItems(messages: readonly ModelMessage[], idOf: (kind: string, at: number) => string): Telling[] {
  const items: Telling[] = [];
  const add = (kind: string, tell: (bytes: Bytes) => Item | Promise<Item>): void => {
    const id = idOf(kind, items.length);
    items.push({ id, tell: async (bytes) => ({ id, ...(await tell(bytes)) }) });
  };
  const parts = (content: readonly Part[], bytes: Bytes) => Promise.all(content.map((part) => toldPart(part, bytes)));
  for (const { role, content } of messages) {
    if (role === "user") {
      add("msg", async (bytes) => ({ type: "message", role, status: "completed", content: await parts(content, bytes) }));
      continue;
    }
    for (const part of content) {
      if (part.type === "tool-call") {
        const { id: call_id, name, args } = part;
        add("fc", () => ({ type: "function_call", status: "completed", call_id, name, arguments: JSON.stringify(args) }));
      } else if (part.type === "tool-result")
        add("fco", async (bytes) => ({
          ...{ type: "function_call_output", status: "completed", call_id: part.callId },
          output: await parts(part.content, bytes),
        }));
      else if (part.type === "reasoning")
        add("rs", () => ({ type: "reasoning", summary: part.text === undefined ? [] : [{ type: "summary_text", text: part.text }] }));
      else if (part.type === "text" || part.type === "refusal") {
        const said =
          part.type === "text" ? { type: "output_text", text: part.text, annotations: [], logprobs: [] } : { type: "refusal", refusal: part.text };
        add("msg", () => ({ type: "message", role, status: "completed", content: [said] }));
      }
    }
  }
  return items;
}

async function toldPart(part: Part, bytes: Bytes): Promise<Item> {
  if (part.type === "text") return { type: "input_text", text: part.text };
  if (part.type === "image" || part.type === "file" || part.type === "audio") {
    const base64 = part.base64 ?? (part.artifact === undefined ? undefined : await bytes(part.artifact));
    const url = part.url ?? (base64 === undefined ? null : `data:${part.mimeType};base64,${base64}`);
    if (part.type === "image") return { type: "input_image", detail: "auto", image_url: url };
    if (part.type === "file") return { type: "input_file", ...(part.name === undefined ? {} : { filename: part.name }), file_data: url };
  }
  return { type: "input_text", text: partLabel(part) };
}

const MOST = 100;

/** A page of a list as its query asks for it: `limit`, `order` (the newest first, unless it is asc) and `after`. */
export async function pageOf(items: readonly Telling[], query: readonly [string, string][], bytes: Bytes): Promise<object> {
  const asked = new Map(query);
  const limit = Number(asked.get("limit") ?? 20);
  if (!Number.isInteger(limit) || limit < 1 || limit > MOST)
    throw new ApiFailure(400, `\`limit\` must be a whole number from 1 to ${MOST}.`, { param: "limit" });
  const order = asked.get("order") ?? "desc";
  if (order !== "asc" && order !== "desc") throw new ApiFailure(400, "`order` must be asc or desc.", { param: "order" });
  const all = order === "asc" ? [...items] : items.toReversed();
  const after = asked.get("after");
  const begin = after === undefined ? 0 : all.findIndex(({ id }) => id === after) + 1;
  if (after !== undefined && begin === 0) throw new ApiFailure(400, "`after` names no item of this list.", { param: "after" });
  const data: Item[] = [];
  for (const one of all.slice(begin, begin + limit)) data.push(await one.tell(bytes));
  const ids = { first_id: data[0]?.id ?? null, last_id: data.at(-1)?.id ?? null };
  return { object: "list", data, ...ids, has_more: begin + limit < all.length };
}
