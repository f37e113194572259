import type { Call, Context } from "@plinth/sdk";
import type { Dialect } from "../answering.ts";
import { type Asked, serverTools } from "../asking.ts";
import { noSuchModel } from "../failure.ts";
import type { ModelList } from "../model-list.ts";
import { anthropicFailure } from "./failure.ts";
import { message, messageEvents } from "./message.ts";
import { readCountRequest, readMessagesRequest } from "./request.ts";

/** Anthropic's Messages API. */
export const messages: Dialect<Asked> = {
  read: readMessagesRequest,
  remembered: (request, meant) =>
    "model" in meant && request.session !== undefined ? { ...request, ignored: [...request.ignored, "x-plinth-session"] } : request,
  whole: message,
  stream: messageEvents,
  failure: anthropicFailure,
};

/** Characters that a token stands for, about, where a model's provider cannot count. */
const PER_TOKEN = 4;

/** How many tokens a request would read. `estimated`: nobody can count them, so this goes by the length of its text. */
export async function countTokens(ctx: Context, models: ModelList, body: string, { signal }: Call): Promise<{ count: object; estimated: boolean }> {
  const { model, conversation, tools, vendorTools } = readCountRequest(body);
  const meant = await models.meant(model);
  if (meant === undefined) throw noSuchModel(model);
  const { system, messages } = conversation;
  if ("model" in meant) {
    const asked = {
      model,
      messages,
      ...(system.length === 0 ? {} : { system }),
      ...(tools.length === 0 ? {} : { tools }),
      ...serverTools(vendorTools),
    };
    const { inputTokens } = await ctx.use("plinth.models").one().countTokens(asked, { signal });
    if (inputTokens !== undefined) return { count: { input_tokens: inputTokens }, estimated: false };
  }
  const text = JSON.stringify([system, messages, tools], (name, value) => (name === "base64" ? undefined : value));
  return { count: { input_tokens: Math.ceil(text.length / PER_TOKEN) }, estimated: true };
}
