import { isFor, type ModelMessage, originLine, type Part, partLabel, type ToolResultPart } from "@plinth/sdk";
import type { ToolNames, Unsupported } from "@plinth/sdk/kits/model-api";
import type { Quirks } from "./quirks.ts";

/** A content block in the words of the protocol. */
export type Block = Record<string, unknown> & { type: string };

/** What an answer's parts carry as `opaque`, to go back to the vendor that made it. */
export interface Returned {
  vendor: string;
  /** The whole block, as it came. */
  block?: Record<string, unknown>;
  /** Of a text block. */
  citations?: unknown[];
  /** Of a call that a server's own tool made. */
  caller?: unknown;
}

const IMAGES: ReadonlySet<string> = new Set(["image/jpeg", "image/png", "image/gif", "image/webp"]);
const TEXTS = /^(text\/|application\/(json|xml|yaml|x-yaml|javascript|x-sh|sql|toml|rtf)\b|application\/[\w.-]+\+(json|xml)\b)/;

type Bytes = Extract<Part, { type: "image" | "audio" | "video" | "file" }>;

/** Says messages in the words of the protocol, and remembers which blocks are asked to end a cached beginning. */
export class BlockWriter {
  /** Blocks whose part has `cache`. */
  readonly marked = new Set<Block>();
  readonly #vendor: string;
  readonly #names: ToolNames;
  readonly #unsupported: Unsupported;
  readonly #quirks: Quirks;

  constructor(vendor: string, names: ToolNames, unsupported: Unsupported, quirks: Quirks) {
    this.#vendor = vendor;
    this.#names = names;
    this.#unsupported = unsupported;
    this.#quirks = quirks;
  }

  blocks(message: ModelMessage): Block[] {
    const { role, content } = message;
    const origin = role === "user" ? originLine(message).trimEnd() : "";
    return [...text(origin), ...content.flatMap((part) => this.#marked(part, this.#part(part, role)))];
  }

  #part(part: Part, role: ModelMessage["role"]): Block[] {
    if (!isFor(part, "model")) return [];
    switch (part.type) {
      case "text": {
        const citations = this.#returned(part)?.citations;
        return text(part.text).map((block) => (citations === undefined ? block : { ...block, citations }));
      }
      case "refusal":
        return text(part.text);
      case "reasoning":
      case "opaque":
        return role === "assistant" ? this.#whole(part) : [];
      case "tool-call": {
        const { id, name, args } = part;
        const caller = this.#returned(part)?.caller;
        return [{ type: "tool_use", id, name: this.#names.wire(name), input: args, ...(caller === undefined ? {} : { caller }) }];
      }
      case "tool-result":
        return [this.#result(part)];
      case "resource":
        return text(part.text ?? partLabel(part));
      case "image":
      case "audio":
      case "video":
      case "file":
        // What it made itself it cannot be told again.
        return role === "assistant" ? text(partLabel(part)) : this.#bytes(part);
      default:
        return [];
    }
  }

  #result({ callId, content, isError, ...rest }: ToolResultPart): Block {
    const origin = originLine({ callId, content, ...rest }).trimEnd();
    const blocks = [...text(origin), ...content.flatMap((part) => (part.type === "citation" ? [] : this.#part(part, "tool")))];
    return {
      type: "tool_result",
      tool_use_id: callId,
      ...(blocks.length === 0 ? {} : { content: blocks }),
      ...(isError ? { is_error: true } : {}),
    };
  }

  #bytes(part: Bytes): Block[] {
    const source = this.#source(part);
    if (source === undefined) {
      this.#unsupported.leave("messages", `a part of the kind ${part.type} as it stands: ${partLabel(part)}`);
      return text(`${partLabel(part)} cannot be sent over this connection.`);
    }
    if (part.type === "image") return [{ type: "image", source }];
    const title = part.name ?? ("title" in part ? part.title : undefined);
    return [
      { type: "document", source, ...(title === undefined ? {} : { title }), ...(this.#quirks.citations ? { citations: { enabled: true } } : {}) },
    ];
  }

  #source({ type, mimeType, base64, url }: Bytes): object | undefined {
    const media_type = (mimeType.split(";")[0] ?? "").trim().toLowerCase();
    const inline = url?.startsWith("data:") ? /^data:[^,]*;base64,(.*)$/s.exec(url)?.[1] : base64;
    const isImage = type === "image" && (IMAGES.has(media_type) || (media_type === "image/*" && inline === undefined));
    const isPdf = type === "file" && media_type === "application/pdf";
    if (isImage || isPdf) {
      if (inline !== undefined) return { type: "base64", media_type, data: inline };
      return url !== undefined && /^https:\/\//.test(url) && !this.#quirks.noUrls ? { type: "url", url } : undefined;
    }
    if (type !== "file" || !TEXTS.test(media_type) || inline === undefined) return undefined;
    return { type: "text", media_type: "text/plain", data: Buffer.from(inline, "base64").toString("utf8") };
  }

  /** What goes back as it came, if this vendor made it. */
  #whole(part: Part): Block[] {
    const block = this.#returned(part)?.block;
    return typeof block?.type === "string" ? [block as Block] : [];
  }

  #returned({ opaque }: Part): Returned | undefined {
    const data = opaque?.data as Returned | null | undefined;
    return typeof data === "object" && data !== null && data.vendor === this.#vendor ? data : undefined;
  }

  #marked({ cache }: Part, blocks: Block[]): Block[] {
    const last = blocks.at(-1);
    if (cache === true && last !== undefined) this.marked.add(last);
    return blocks;
  }
}

/** Servers refuse text without anything to be read in it. */
export const text = (said: string): Block[] => (/\S/.test(said) ? [{ type: "text", text: said }] : []);
