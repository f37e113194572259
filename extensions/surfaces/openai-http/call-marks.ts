import type { ModelMessage, Part, ToolCallPart } from "@plinth/sdk";

const MOST = 2_000;
const LARGEST = 65_536;

/**
 * What providers want back with their calls, such as a signature, and no dialect has a field for. It is kept for the calls of
 * the last while, and put back on those that come again just as they were handed out.
 */
export class CallMarks {
  readonly #marks = new Map<string, NonNullable<Part["opaque"]>>();

  keep(call: ToolCallPart): void {
    const { opaque } = call;
    if (opaque === undefined || JSON.stringify(opaque).length > LARGEST) return;
    const key = keyOf(call);
    this.#marks.delete(key);
    this.#marks.set(key, opaque);
    if (this.#marks.size > MOST) this.#marks.delete(this.#marks.keys().next().value as string);
  }

  restore(messages: readonly ModelMessage[]): ModelMessage[] {
    if (this.#marks.size === 0) return [...messages];
    return messages.map((message) => {
      if (message.role !== "assistant") return message;
      const content = message.content.map((part) => {
        const opaque = part.type === "tool-call" && part.opaque === undefined ? this.#marks.get(keyOf(part)) : undefined;
        return opaque === undefined ? part : { ...part, opaque };
      });
      return { ...message, content };
    });
  }
}

const keyOf = ({ id, name, args }: ToolCallPart): string => JSON.stringify([id, name, args]);
