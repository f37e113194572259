import type { ModelMessage, Part, ToolCallPart } from "@plinth/sdk";

/** What an answer had with a call and before it. */
interface Mark {
  readonly opaque: Part["opaque"];
  readonly thoughts: readonly Part[];
  readonly size: number;
}

/** In characters, of all and of one. */
const MOST = 32 * 1_048_576;
const LARGEST = 1_048_576;

/**
 * What providers want back with their calls, such as a signature or the thoughts that led to one, where a dialect has no field
 * for it. It is kept for the calls of the last while, and put back on those that come again just as they were handed out.
 */
export class CallMarks {
  readonly #marks = new Map<string, Mark>();
  #size = 0;

  /** @param thoughts of the same answer, since its call before. */
  keep(call: ToolCallPart, thoughts: readonly Part[]): void {
    const { opaque } = call;
    if (opaque === undefined && thoughts.length === 0) return;
    const key = keyOf(call);
    const size = key.length + JSON.stringify([opaque, thoughts]).length;
    if (size > LARGEST) return;
    this.#drop(key);
    this.#marks.set(key, { opaque, thoughts, size });
    this.#size += size;
    for (const oldest of this.#marks.keys()) {
      if (this.#size <= MOST) return;
      this.#drop(oldest);
    }
  }

  /** Thoughts go before their calls in a message that brings none itself. */
  restore(messages: readonly ModelMessage[]): ModelMessage[] {
    if (this.#marks.size === 0) return [...messages];
    return messages.map((message) => {
      if (message.role !== "assistant") return message;
      const thinks = message.content.some(({ type }) => type === "reasoning");
      const content = message.content.flatMap((part): Part[] => {
        const mark = part.type === "tool-call" ? this.#marks.get(keyOf(part)) : undefined;
        if (mark === undefined) return [part];
        const call = part.opaque === undefined && mark.opaque !== undefined ? { ...part, opaque: mark.opaque } : part;
        return thinks ? [call] : [...mark.thoughts, call];
      });
      return { ...message, content };
    });
  }

  #drop(key: string): void {
    this.#size -= this.#marks.get(key)?.size ?? 0;
    this.#marks.delete(key);
  }
}

const keyOf = ({ id, name, args }: ToolCallPart): string => JSON.stringify([id, name, args]);
