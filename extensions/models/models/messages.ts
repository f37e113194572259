import { isFor, type ModelMessage, partsFor } from "@plinth/sdk";

/** The messages as one provider is sent them: without what is opaque and was made by another, and what is for people only. */
export function messagesFor(messages: readonly ModelMessage[], maker: string): ModelMessage[] {
  return messages.map((message) => {
    const own = partsFor(message.content, maker);
    const content = own.every((part) => isFor(part, "model")) ? own : own.filter((part) => isFor(part, "model"));
    return content === message.content ? message : { ...message, content };
  });
}
