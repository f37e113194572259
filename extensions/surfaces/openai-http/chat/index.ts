import { randomBytes } from "node:crypto";
import type { Dialect } from "../answering.ts";
import { chunks, completion, type Head } from "./completion.ts";
import { type ChatRequest, readChatRequest } from "./request.ts";

/** OpenAI's chat completions. */
export const chat = (now: () => number): Dialect<ChatRequest> => {
  const headOf = ({ model }: ChatRequest): Head => ({
    id: `chatcmpl-${randomBytes(12).toString("base64url")}`,
    created: Math.floor(now() / 1000),
    model,
  });
  return {
    read: readChatRequest,
    remembered: (request, meant) =>
      "model" in meant && request.session !== undefined ? { ...request, ignored: [...request.ignored, "session"] } : request,
    whole: (request, said) => completion(headOf(request), said),
    stream: (request, said) => chunks(headOf(request), said, request.includeUsage),
    failure: ({ body }) => body,
  };
};
