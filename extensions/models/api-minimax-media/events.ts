import type { FetchResponse } from "@plinth/sdk";
import { EventStreamParser, type Exchange, failure } from "@plinth/sdk/kits/model-api";
import { answerOf, checked } from "./answer.ts";

/** A piece of sound comes in one event, and all of it in the last. */
const EVENT_LIMIT = 64 * 1_048_576;

/** What a server tells event by event. One that does not stream has one to tell; each is looked at for a refusal. */
export async function* eventsOf(exchange: Exchange, response: FetchResponse, title: string): AsyncGenerator<any> {
  if (!/^text\/event-stream/.test(response.headers["content-type"] ?? "")) return yield await answerOf(exchange, response, title);
  const parser = new EventStreamParser(EVENT_LIMIT);
  for await (const piece of exchange.pieces(response))
    for (const data of parser.push(piece)) if (data !== "[DONE]") yield checked(parsed(data, title), title);
}

function parsed(data: string, title: string): unknown {
  try {
    return JSON.parse(data);
  } catch (cause) {
    throw failure("STREAM", `${title} sent something that is not JSON.`, { cause });
  }
}
