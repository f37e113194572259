import type { Asked } from "../asking.ts";
import { objectOf, parseBody, readCacheKey, readCommon, readMetadata, readUser } from "../fields.ts";
import { readMessages } from "./messages.ts";
import { NAMES, readParameters } from "./parameters.ts";

/** A chat completion request, checked, in Plinth's words. */
export interface ChatRequest extends Asked {
  readonly includeUsage: boolean;
}

/** @param header the value of `x-plinth-session`. */
export function readChatRequest(body: string, header: string | undefined): ChatRequest {
  const request = parseBody(body);
  const common = readCommon(request);
  const user = readUser(request.user ?? request.safety_identifier);
  const { session, more } = readMetadata(request.metadata, header);
  const { ignored, ...parameters } = readParameters(request);
  return {
    ...common,
    ...parameters,
    vendorTools: [],
    ...readCacheKey(request.prompt_cache_key),
    names: NAMES,
    conversation: readMessages(request.messages),
    session,
    user,
    includeUsage: objectOf(request.stream_options)?.include_usage === true,
    ignored: more ? [...ignored, "metadata"] : ignored,
  };
}
