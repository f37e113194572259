import type { FetchResponse } from "@plinth/sdk";
import { type Exchange, fault, jsonLines } from "@plinth/sdk/kits/model-api";

/** What an answer says, one message after the other, until it says that this is all. @throws for a message that is an error */
export async function* messagesIn(exchange: Exchange, response: FetchResponse, title: string): AsyncGenerator<Record<string, any>> {
  let over = false;
  // It is read to its end all the same: an answer that is left early ends what is asked next.
  for await (const message of jsonLines(exchange, response, title)) {
    if (message.type === "error") throw fault(title, { message: message.message, code: message.code });
    over ||= message.type === "end_of_stream";
    if (!over) yield message;
  }
}
