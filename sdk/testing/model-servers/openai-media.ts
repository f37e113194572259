import { speechAnswer, transcriptionAnswer } from "./openai-audio.ts";
import { embeddingsAnswer } from "./openai-embeddings.ts";
import { openaiError } from "./openai-error.ts";
import { imagesAnswer } from "./openai-images.ts";
import { type PlainAnswer, type PlainRequest, type PlainServer, plainServer } from "./plain-server.ts";

export type OpenaiMediaServer = PlainServer;

/**
 * A server of what OpenAI has besides chat, as its reference publishes it (https://platform.openai.com/docs/api-reference): it
 * refuses what theirs refuses, in their words, and answers with something that follows from what it was asked.
 */
export const openaiMediaServer = (): Promise<OpenaiMediaServer> => plainServer(answered);

const ROUTES: { readonly [path: string]: (request: PlainRequest) => PlainAnswer } = {
  "/embeddings": embeddingsAnswer,
  "/audio/speech": speechAnswer,
  "/audio/transcriptions": transcriptionAnswer,
  "/audio/translations": transcriptionAnswer,
  "/images/generations": imagesAnswer,
  "/images/edits": imagesAnswer,
};

function answered(request: PlainRequest): PlainAnswer {
  const path = request.path.split("?")[0]!;
  const route = Object.keys(ROUTES).find((end) => path.endsWith(end));
  if (route === undefined || request.method !== "POST") return openaiError(404, `Invalid URL (${request.method} ${path})`, null, null);
  if (request.headers.authorization === undefined) return openaiError(401, "You didn't provide an API key.", null, "invalid_api_key");
  return ROUTES[route]!(request);
}
