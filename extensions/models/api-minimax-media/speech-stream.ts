import type { FetchResponse } from "@plinth/sdk";
import { type Exchange, failure } from "@plinth/sdk/kits/model-api";
import { bytesOf } from "./answer.ts";
import { eventsOf } from "./events.ts";

/** `data.status` of the last event. */
const END = 2;

/** The sound of an answer, piece by piece. @throws PLINTH_MODEL_STREAM where it is no sound, or broke off */
export async function* soundIn(exchange: Exchange, response: FetchResponse, title: string): AsyncGenerator<Uint8Array> {
  let [heard, ended] = [false, false];
  for await (const { data, extra_info: facts } of eventsOf(exchange, response, title)) {
    const last = data?.status === END || (facts !== undefined && facts !== null);
    ended ||= last;
    const hex = data?.audio;
    // The last one may say all of it again.
    if (hex === undefined || hex === null || hex === "" || (last && heard)) continue;
    heard = true;
    yield bytesOf(hex, title);
  }
  if (!ended) throw failure("STREAM", `${title} broke off before the end.`);
}
