import type { FetchResponse, MeteredUsage } from "@plinth/sdk";
import { EventStreamParser, type Exchange, failure, fault } from "@plinth/sdk/kits/model-api";
import { bytesOf, madeIn, nothing } from "./content.ts";

/** A piece of sound comes in one event. */
const EVENT_LIMIT = 16 * 1_048_576;

/**
 * The sound of a streamed answer, piece by piece.
 *
 * @returns what it took, as the last event that says so has it
 * @throws PLINTH_MODEL_FILTER, PLINTH_MODEL_STREAM where it is no sound, or broke off
 */
export async function* soundIn(exchange: Exchange, response: FetchResponse, title: string): AsyncGenerator<Uint8Array, MeteredUsage> {
  const parser = new EventStreamParser(EVENT_LIMIT);
  let usage: MeteredUsage = {};
  let [heard, ended] = [false, false];
  for await (const piece of exchange.pieces(response)) {
    for (const data of parser.push(piece)) {
      const event = parsed(data, title);
      if (event?.error !== undefined) throw fault(title, event.error);
      const made = madeIn(event, title);
      if (Object.keys(made.usage).length > 0) usage = made.usage;
      if (made.withheld !== undefined) throw failure("FILTER", `${title} withheld what was to be said: ${made.withheld.slice(0, 100)}.`);
      for (const part of made.parts) {
        const bytes = bytesOf(part);
        if (bytes === undefined) continue;
        if (!/^audio\/(l16|pcm|basic|(x-)?(mu|a)law|pcm[ua])\b/i.test(part.inlineData?.mimeType ?? ""))
          throw failure("STREAM", `${title} sent something else than sound as it was asked for.`, { details: { retryable: false } });
        heard = true;
        yield bytes;
      }
      const [candidate] = Array.isArray(event?.candidates) ? event.candidates : [];
      ended ||= typeof candidate?.finishReason === "string";
      if (ended && !heard && made.parts.length > 0) throw nothing(title, "sound", made);
    }
  }
  if (!ended) throw failure("STREAM", `${title} broke off before the end.`);
  if (!heard) throw failure("STREAM", `${title} sent no sound.`);
  return usage;
}

function parsed(data: string, title: string): any {
  try {
    return JSON.parse(data);
  } catch (cause) {
    throw failure("STREAM", `${title} sent something that is not JSON.`, { cause });
  }
}
