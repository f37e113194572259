import { errorInfo, type MessageRepair, type ModelChoice, type ModelMessage } from "@plinth/sdk";
import { outgoing } from "@plinth/sdk/kits/model-api";
import { messagesFor } from "./messages.ts";
import type { Source } from "./source.ts";

/** As the model's protocol says it; where it says nothing, what every server needs. */
export async function repairsFor(
  source: Source,
  { maker, model }: ModelChoice,
  given: ModelMessage[],
  signal: AbortSignal,
): Promise<MessageRepair[]> {
  const request = { model, messages: messagesFor(given, maker) };
  try {
    if (source.repairs !== undefined) return await source.repairs(request, signal);
  } catch (thrown) {
    if (errorInfo(thrown).code !== "PLINTH_UNSUPPORTED") throw thrown;
  }
  return outgoing(request).repairs;
}
