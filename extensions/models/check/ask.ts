import { errorInfo, type ModelEvent, type ModelRequest, type ToolCallPart } from "@plinth/sdk";
import type { Asker } from "./asker.ts";

/** One answer, whole. */
export interface Answer {
  readonly text: string;
  /** How many pieces of text or thinking came. */
  readonly pieces: number;
  readonly calls: ToolCallPart[];
  readonly content: ModelRequest["messages"][number]["content"];
  readonly usage: Extract<ModelEvent, { type: "usage" }>["usage"] | undefined;
  readonly end: string | undefined;
  readonly error: { code: string; message: string } | undefined;
}

/** A model on a slow machine thinks for long. */
const LONGEST_MS = 120_000;

export async function ask({ stream }: Pick<Asker, "stream">, request: ModelRequest, signal: AbortSignal): Promise<Answer> {
  const texts: string[] = [];
  const calls: ToolCallPart[] = [];
  const content: Answer["content"] = [];
  let [pieces, usage, end, error]: [number, Answer["usage"], Answer["end"], Answer["error"]] = [0, undefined, undefined, undefined];
  try {
    for await (const event of stream(request, AbortSignal.any([signal, AbortSignal.timeout(LONGEST_MS)]))) {
      if (event.type === "text") texts.push(event.delta);
      if (event.type === "text" || (event.type === "reasoning" && event.delta !== undefined)) pieces++;
      if (event.type === "reasoning" && event.part !== undefined) content.push(event.part);
      if (event.type === "part" && event.part.type === "text" && texts.length === 0) texts.push(event.part.text);
      if (event.type === "tool-call") {
        calls.push(event.call);
        content.push(event.call);
      }
      if (event.type === "usage") usage = event.usage;
      if (event.type === "end") end = event.reason;
    }
  } catch (thrown) {
    signal.throwIfAborted();
    error = errorInfo(thrown);
  }
  const text = texts.join("");
  if (text !== "") content.unshift({ type: "text", text });
  return { text, pieces, calls, content, usage, end, error };
}
