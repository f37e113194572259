import type { ModelEvent, Usage } from "@plinth/sdk";
import { AnswerBlocks, type AnswerReader, fault } from "@plinth/sdk/kits/model-api";
import type { Block, Returned } from "./content.ts";

type Wire = Record<string, any>;
type EndReason = Extract<ModelEvent, { type: "end" }>["reason"];

const REASONS: { readonly [stop: string]: EndReason } = {
  end_turn: "stop",
  stop_sequence: "stop",
  tool_use: "tool-calls",
  max_tokens: "length",
  model_context_window_exceeded: "length",
  guardrail_intervened: "filter",
  content_filtered: "filter",
};

/** What becomes whole with its last piece, and is not text, thinking or a call. */
interface Other {
  block: Block;
  pieces: string[];
}

/**
 * Reads the events of ConverseStream, as its reference publishes them
 * (https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStreamOutput.html), and tells them as model events.
 */
export class ConverseReader implements AnswerReader {
  readonly #title: string;
  readonly #vendor: string;
  readonly #blocks: AnswerBlocks;
  readonly #others = new Map<number, Other>();
  #at = 0;
  #stop: string | undefined;
  #usage: Usage | undefined;
  #done = false;

  /** @param vendor whose opaque parts these are. @param names our tools' names by those that were sent. */
  constructor(title: string, vendor: string, names: ReadonlyMap<string, string>) {
    this.#title = title;
    this.#vendor = vendor;
    this.#blocks = new AnswerBlocks(title, names, {
      thought: (text, signature) =>
        signature === "" ? undefined : this.#mine({ block: { reasoningContent: { reasoningText: { text, signature } } } }),
      cited: (citations) => this.#mine({ citations: [...citations] }),
    });
  }

  /** The last event, of the usage, came. */
  get done(): boolean {
    return this.#done;
  }

  /** @param data as `EventFrames` gives it. */
  take(data: string, out: ModelEvent[]): void {
    const feed = data.indexOf("\n");
    const type = data.slice(0, feed);
    const payload = this.#parsed(data.slice(feed + 1));
    if (type.startsWith("!")) throw fault(this.#title, { type: type.slice(1), message: textOf(payload.message ?? payload.Message) });
    if (Number.isInteger(payload.contentBlockIndex) && payload.contentBlockIndex >= 0) this.#at = payload.contentBlockIndex;
    switch (type) {
      case "contentBlockStart":
        return this.#start(this.#at, payload.start ?? {}, out);
      case "contentBlockDelta":
        return this.#delta(this.#at, payload.delta ?? {}, out);
      case "contentBlockStop":
        this.#stopOther(this.#at, out);
        return this.#blocks.stop(this.#at, out);
      case "messageStop":
        this.#stop = textOf(payload.stopReason);
        return;
      case "metadata":
        this.#usage = usageOf(payload.usage);
        this.#done = true;
    }
  }

  /** An answer of Converse, whole. */
  whole(data: string, out: ModelEvent[]): void {
    const { output, stopReason, usage } = this.#parsed(data);
    const content = output?.message?.content;
    if (!Array.isArray(content)) throw this.#blocks.broken("sent something that is not an answer");
    for (const [at, block] of (content as Block[]).entries()) this.#wholeBlock(at, block, out);
    this.#stop = textOf(stopReason);
    this.#usage = usageOf(usage);
  }

  finish(): ModelEvent[] {
    if (!this.#stop) throw this.#blocks.broken("stopped in the middle of its answer");
    const reason = REASONS[this.#stop];
    if (reason === undefined)
      throw this.#blocks.broken(`ended its answer for a reason that is no good end, ${JSON.stringify(this.#stop.slice(0, 64))}`);
    const out: ModelEvent[] = [];
    for (const at of [...this.#others.keys()]) this.#stopOther(at, out);
    this.#blocks.finish(reason === "length" || reason === "filter", out);
    const { calls } = this.#blocks;
    if (reason === "tool-calls" && calls === 0) throw this.#blocks.broken("said that it calls tools, and called none");
    if (this.#stop === "model_context_window_exceeded") {
      out.push({ type: "warning", code: "PLINTH_MODEL_CONTEXT", message: `The answer of ${this.#title} filled the model's context.` });
    }
    if (this.#usage !== undefined) out.push({ type: "usage", usage: this.#usage });
    out.push({ type: "end", reason: reason === "stop" && calls > 0 ? "tool-calls" : reason });
    return out;
  }

  #start(at: number, { toolUse, toolResult, image }: Wire, out: ModelEvent[]): void {
    this.#stopOther(at, out);
    if (toolUse?.type === "server_tool_use") this.#others.set(at, { block: { toolUse }, pieces: [] });
    else if (toolUse) this.#blocks.call(at, { id: textOf(toolUse.toolUseId), name: textOf(toolUse.name) }, out);
    else if (toolResult) this.#others.set(at, { block: { toolResult: { ...toolResult, content: [] } }, pieces: [] });
    else if (image) this.#others.set(at, { block: { image }, pieces: [] });
  }

  #delta(at: number, { text, toolUse, reasoningContent, citation, toolResult, image }: Wire, out: ModelEvent[]): void {
    const other = this.#others.get(at);
    if (typeof text === "string") this.#blocks.text(at, text, out);
    if (typeof citation === "object" && citation !== null) this.#cite(at, citation, out);
    if (reasoningContent) this.#reason(at, reasoningContent, out);
    if (toolUse && other !== undefined) other.pieces.push(textOf(toolUse.input));
    else if (toolUse) this.#blocks.input(at, textOf(toolUse.input), out);
    if (Array.isArray(toolResult)) other?.block.toolResult?.content.push(...toolResult.slice(0, 1_000));
    if (typeof image?.source?.bytes === "string") other?.pieces.push(image.source.bytes);
  }

  #reason(at: number, { text, signature, redactedContent }: Wire, out: ModelEvent[]): void {
    if (typeof text === "string") this.#blocks.think(at, text, out);
    if (typeof signature === "string") this.#blocks.sign(at, signature, out);
    if (typeof redactedContent !== "string") return;
    const block = { reasoningContent: { redactedContent } };
    this.#blocks.whole({ type: "reasoning", redacted: true, opaque: { data: this.#mine({ block }) } }, out);
  }

  #cite(at: number, wire: Wire, out: ModelEvent[]): void {
    const url = [wire.location?.web?.url, wire.source].find((one) => typeof one === "string" && /^https?:\/\//.test(one));
    const title = textOf(wire.title);
    const quote = (Array.isArray(wire.sourceContent) ? wire.sourceContent : []).map((one: Wire | null) => textOf(one?.text)).join("");
    const part = {
      type: "citation" as const,
      ...(url === undefined ? {} : { url: url.slice(0, 8_192) }),
      ...(title === "" ? {} : { title: title.slice(0, 500) }),
      ...(quote === "" ? {} : { quote: quote.slice(0, 16_384) }),
    };
    this.#blocks.cite(at, part, wire, out);
  }

  #stopOther(at: number, out: ModelEvent[]): void {
    const other = this.#others.get(at);
    if (other === undefined) return;
    this.#others.delete(at);
    const { block, pieces } = other;
    if (block.image) {
      const base64 = pieces.join("");
      if (base64 !== "") this.#blocks.whole({ type: "image", mimeType: `image/${textOf(block.image.format) || "png"}`, base64 }, out);
      return;
    }
    if (block.toolUse) {
      try {
        block.toolUse = { ...block.toolUse, input: JSON.parse(pieces.join("") || "{}") };
      } catch {
        // Its input was cut: a block that the server would refuse does not go back.
        return;
      }
    }
    this.#blocks.whole({ type: "opaque", opaque: { data: this.#mine({ block }) } }, out);
  }

  #wholeBlock(at: number, block: Block, out: ModelEvent[]): void {
    const { text, toolUse, reasoningContent, citationsContent, image, toolResult } = block;
    if (toolUse) this.#start(at, { toolUse }, out);
    if (toolUse) this.#delta(at, { toolUse: { input: JSON.stringify(toolUse.input ?? {}) } }, out);
    if (image) this.#start(at, { image }, out);
    if (toolResult) this.#blocks.whole({ type: "opaque", opaque: { data: this.#mine({ block }) } }, out);
    const { reasoningText, redactedContent } = reasoningContent ?? {};
    this.#delta(at, { text, image, ...(reasoningContent ? { reasoningContent: { ...reasoningText, redactedContent } } : {}) }, out);
    for (const one of citationsContent?.content ?? []) this.#delta(at, { text: one?.text }, out);
    for (const citation of citationsContent?.citations ?? []) this.#delta(at, { citation }, out);
    this.#stopOther(at, out);
    this.#blocks.stop(at, out);
  }

  #parsed(json: string): Wire {
    let value: unknown;
    try {
      value = JSON.parse(json === "" ? "{}" : json);
    } catch (cause) {
      throw this.#blocks.broken("sent something that is not JSON", cause);
    }
    if (typeof value !== "object" || value === null) throw this.#blocks.broken("sent something that is not an object");
    return value;
  }

  #mine(returned: Omit<Returned, "vendor">): Returned {
    return { vendor: this.#vendor, ...returned };
  }
}

const textOf = (value: unknown): string => (typeof value === "string" ? value : "");
const countOf = (value: unknown): number | undefined => (typeof value === "number" && value >= 0 && value < 2 ** 53 ? Math.floor(value) : undefined);

/** `inputTokens` are those that no cache had to do with. undefined: the server did not say both what was read and what was written. */
function usageOf(wire: Wire | undefined): Usage | undefined {
  const [input, output] = [countOf(wire?.inputTokens), countOf(wire?.outputTokens)];
  if (input === undefined || output === undefined) return undefined;
  const [read, written] = [countOf(wire?.cacheReadInputTokens), countOf(wire?.cacheWriteInputTokens)];
  return {
    inputTokens: input + (read ?? 0) + (written ?? 0),
    outputTokens: output,
    ...(read === undefined ? {} : { cacheReadTokens: read }),
    ...(written === undefined ? {} : { cacheWriteTokens: written }),
  };
}
