import { isFor, type ModelMessage, partsFor, partsFrom } from "@plinth/sdk";

/** The messages as one provider is sent them: without what is opaque and was made by another, and what is for people only. */
export function messagesFor(messages: readonly ModelMessage[], maker: string): ModelMessage[] {
  return messages.map((message) => {
    const own = partsFor(message.content, maker);
    const content = own.every((part) => isFor(part, "model")) ? own : own.filter((part) => isFor(part, "model"));
    return content === message.content ? message : { ...message, content };
  });
}

/** A conversation that a third party hands over holds no opaque parts but its own: it cannot speak to a provider as that provider. */
export function trusted(messages: readonly ModelMessage[], caller: string): readonly ModelMessage[] {
  if (caller === "host" || caller.startsWith("plinth.")) return messages;
  return messages.map((message) => ({ ...message, content: partsFrom(message.content, caller) }));
}
