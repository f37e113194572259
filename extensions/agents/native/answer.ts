import { type ModelEvent, type Part, partsFor, partsFrom, type ToolCallPart, type TurnEvent, type Usage } from "@plinth/sdk";

type EndReason = Extract<ModelEvent, { type: "end" }>["reason"];

/** Puts a model's answer together: its parts in order, and what of it a turn shows. */
export class Answer {
  readonly content: Part[] = [];
  readonly calls: ToolCallPart[] = [];
  /** provider/model */
  readonly model: string;
  /** Absent: its provider does not say it. */
  usage: Usage | undefined;
  reason: EndReason | undefined;
  readonly #maker: string;
  readonly #callIds: Set<string>;
  /** The last part still grows by deltas. */
  #open: "text" | "reasoning" | undefined;

  /**
   * @param maker whose opaque parts these are.
   * @param callIds those that the turn has used; this answer's are added.
   */
  constructor(model: string, maker: string, callIds: Set<string>) {
    this.model = model;
    this.#maker = maker;
    this.#callIds = callIds;
  }

  /** What the turn is told of it. A later version's events are passed over, and what comes after the end. */
  take(event: ModelEvent): TurnEvent | undefined {
    if (this.reason !== undefined) return undefined;
    switch (event.type) {
      case "text":
        return this.#grow("text", event.delta);
      case "reasoning":
        if (event.part !== undefined) return this.#whole({ ...event.part, type: "reasoning" }) ?? this.#grow("reasoning", event.delta ?? "");
        return this.#grow("reasoning", event.delta ?? "");
      case "tool-call-start":
      case "tool-call-delta":
        return undefined;
      case "tool-call":
        return this.#whole({ ...event.call, type: "tool-call" });
      case "part":
        return this.#whole(event.part);
      case "usage":
        this.usage = event.usage;
        return undefined;
      case "warning":
        return {
          type: "warning",
          code: event.code,
          message: event.message,
          ...(event.param === undefined ? {} : { param: event.param }),
        };
      case "end":
        this.reason = event.reason;
        return undefined;
    }
    return undefined;
  }

  /** The model declined without a word: one is said for it. */
  refused(text: string): TurnEvent | undefined {
    return this.#whole({ type: "refusal", text });
  }

  #grow(type: "text" | "reasoning", delta: string): TurnEvent | undefined {
    if (delta === "") return undefined;
    const last = this.content.at(-1);
    if (this.#open === type && last?.type === type) last.text = (last.text ?? "") + delta;
    else this.content.push({ type, text: delta });
    this.#open = type;
    return { type, delta };
  }

  #whole(given: Part): TurnEvent | undefined {
    const part = partsFrom([given], this.#maker)[0] as Part;
    const grown = this.#open === part.type;
    switch (part.type) {
      case "text":
      case "reasoning":
        // It stands for what came in pieces, which were shown already.
        if (grown) this.content.pop();
        this.content.push(part);
        break;
      case "tool-call": {
        const call = this.#withOwnId(part);
        this.calls.push(call);
        this.content.push(call);
        break;
      }
      case "refusal":
      case "opaque":
      case "image":
      case "audio":
      case "video":
      case "file":
      case "resource":
      case "citation":
        this.content.push(part);
        break;
      default:
        return undefined;
    }
    this.#open = undefined;
    if (part.type === "tool-call" || part.type === "opaque") return undefined;
    if (part.type === "text" || part.type === "refusal") return grown || part.text === "" ? undefined : { type: "text", delta: part.text };
    if (part.type === "reasoning") return grown || !part.text ? undefined : { type: "reasoning", delta: part.text };
    return { type: "part", part: partsFor([part], undefined)[0] as Part };
  }

  /** Some models call every call `call_0`; a transcript needs one id for one call. */
  #withOwnId(call: ToolCallPart): ToolCallPart {
    const name = call.id || "call";
    let id = name;
    for (let n = 2; this.#callIds.has(id); n++) id = `${name}-${n}`;
    this.#callIds.add(id);
    return id === call.id ? call : { ...call, id };
  }
}
