import type { Part } from "../contracts/content/part.ts";
import type { ModelMessage } from "../contracts/models/message.ts";
import { isProduct } from "../party.ts";

/**
 * Parts as the host keeps them when `maker` hands them over: what is opaque in them is its maker's from here on, and whose
 * words they are is not theirs to say. The same array where there is nothing to write.
 */
export function partsFrom<P extends Part>(content: readonly P[], maker: string): P[] {
  return each(content, (part) => {
    const { origin, ...rest } = part;
    const own = part.opaque === undefined || part.opaque.by === maker;
    if (origin === undefined && own) return part;
    return (own ? rest : { ...rest, opaque: { by: maker, data: part.opaque?.data } }) as P;
  });
}

const SAID = new Set(["text", "image", "audio", "video", "file", "resource", "citation"]);

/**
 * Parts as a person's message may hold them: what people write and send. A thought, a call and what is opaque are no
 * person's, whoever hands them over, and whose words they are is not theirs to say.
 */
export function partsSaid<P extends Part>(content: readonly P[]): P[] {
  return each(content, (part) => {
    if (!SAID.has(part.type)) return undefined;
    if (part.opaque === undefined && part.origin === undefined) return part;
    const { opaque: _, origin: __, ...rest } = part;
    return rest as Part;
  });
}

/** Parts as `reader` may have them: what is opaque goes back to its maker and to nobody else. undefined: it made none of it. */
export function partsFor<P extends Part>(content: readonly P[], reader: string | undefined): P[] {
  return each(content, (part) => {
    if (part.opaque === undefined ? part.type !== "opaque" : reader !== undefined && part.opaque.by === reader) return part;
    if (part.type === "opaque") return undefined;
    const { opaque: _, ...rest } = part;
    return rest as P;
  });
}

/** Each part, and those inside a tool's result, as `change` has it; undefined leaves it out. Unchanged arrays stay the same object. */
function each<P extends Part>(content: readonly P[], change: (part: Part) => Part | undefined): P[] {
  let changed = false;
  const parts: P[] = [];
  for (const part of content) {
    let next = change(part);
    if (next?.type === "tool-result") {
      const inner = each(next.content, change);
      if (inner !== next.content) next = { ...next, content: inner };
    }
    changed ||= next !== part;
    if (next !== undefined) parts.push(next as P);
  }
  return changed ? parts : (content as P[]);
}

/**
 * A conversation as `caller` may hand it over: a third party's holds no opaque parts but its own, so that it cannot speak to a provider
 * as that provider.
 */
export function messagesFrom(messages: readonly ModelMessage[], caller: string): ModelMessage[] {
  if (isProduct(caller)) return [...messages];
  return messages.map((message) => ({ ...message, content: partsFrom(message.content, caller) }));
}
