import { type ModelMessage, partsFrom } from "@plinth/sdk";

/** A conversation that a third party hands over holds no opaque parts but its own: it cannot speak to a provider as that provider. */
export function trustedHistory(history: readonly ModelMessage[], caller: string): ModelMessage[] {
  if (caller === "host" || caller.startsWith("plinth.")) return [...history];
  return history.map((message) => ({ ...message, content: partsFrom(message.content, caller) }));
}
