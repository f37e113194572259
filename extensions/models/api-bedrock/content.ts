import { isFor, type ModelMessage, originLine, type Part, partLabel, type ToolResultPart } from "@plinth/sdk";
import type { ToolNames, Unsupported } from "@plinth/sdk/kits/model-api";

/** A content block of the Converse API: one field says its kind. */
export type Block = Record<string, any>;

/** What an answer's parts carry as `opaque`, to go back to the vendor that made it. */
export interface Returned {
  vendor: string;
  /** The whole block, as it came. */
  block?: Block;
  /** Of text with sources. */
  citations?: unknown[];
}

const IMAGES: Record<string, string> = { "image/png": "png", "image/jpeg": "jpeg", "image/gif": "gif", "image/webp": "webp" };
const VIDEOS: Record<string, string> = {
  ...{ "video/mp4": "mp4", "video/quicktime": "mov", "video/x-matroska": "mkv", "video/webm": "webm", "video/x-flv": "flv" },
  ...{ "video/mpeg": "mpeg", "video/x-ms-wmv": "wmv", "video/3gpp": "three_gp" },
};
const SOUNDS: Record<string, string> = {
  ...{ "audio/mpeg": "mp3", "audio/mp3": "mp3", "audio/wav": "wav", "audio/x-wav": "wav", "audio/ogg": "ogg", "audio/flac": "flac" },
  ...{ "audio/aac": "aac", "audio/mp4": "m4a", "audio/webm": "webm", "audio/opus": "opus" },
};
const DOCUMENTS: Record<string, string> = {
  ...{ "application/pdf": "pdf", "text/csv": "csv", "text/html": "html", "text/plain": "txt", "text/markdown": "md", "application/msword": "doc" },
  ...{ "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx", "application/vnd.ms-excel": "xls" },
  "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
};

type Bytes = Extract<Part, { type: "image" | "audio" | "video" | "file" }>;

/** Says messages in the words of the protocol, and remembers which blocks are asked to end a cached beginning. */
export class BlockWriter {
  /** Blocks whose part has `cache`. */
  readonly marked = new Set<Block>();
  readonly #vendor: string;
  readonly #names: ToolNames;
  readonly #unsupported: Unsupported;
  /** Of documents: each is used once in a request. */
  readonly #titles = new Set<string>();

  constructor(vendor: string, names: ToolNames, unsupported: Unsupported) {
    this.#vendor = vendor;
    this.#names = names;
    this.#unsupported = unsupported;
  }

  blocks(message: ModelMessage): Block[] {
    const { role, content } = message;
    const origin = role === "user" ? originLine(message).trimEnd() : "";
    const blocks = [...text(origin), ...content.flatMap((part) => this.#marked(part, this.#part(part, role)))];
    const document = blocks.find((block) => "document" in block);
    // A document has to stand beside some text.
    if (document === undefined || blocks.some((block) => "text" in block)) return blocks;
    return [...blocks, { text: `[${document.document.name}]` }];
  }

  #part(part: Part, role: ModelMessage["role"]): Block[] {
    if (!isFor(part, "model")) return [];
    const returned = this.#returned(part);
    switch (part.type) {
      case "text":
        if (returned?.citations === undefined) return text(part.text);
        return [{ citationsContent: { content: [{ text: part.text }], citations: returned.citations } }];
      case "refusal":
        return text(part.text);
      case "reasoning":
      case "opaque":
        return role === "assistant" && returned?.block !== undefined ? [returned.block] : [];
      case "tool-call":
        return [{ toolUse: { toolUseId: part.id, name: this.#names.wire(part.name), input: part.args } }];
      case "tool-result":
        return [{ toolResult: this.#result(part) }];
      case "resource":
        return text(part.text ?? partLabel(part));
      case "image":
      case "audio":
      case "video":
      case "file":
        return role === "assistant" ? text(partLabel(part)) : this.#bytes(part, role === "tool");
      default:
        return [];
    }
  }

  #result({ callId, content, isError, ...rest }: ToolResultPart): object {
    const origin = originLine({ callId, content, ...rest }).trimEnd();
    const blocks = [...text(origin), ...content.flatMap((part) => (part.type === "citation" ? [] : this.#part(part, "tool")))];
    return { toolUseId: callId, content: blocks.length === 0 ? [{ text: "(no output)" }] : blocks, ...(isError ? { status: "error" } : {}) };
  }

  #bytes(part: Bytes, inResult: boolean): Block[] {
    const { mimeType, base64, url } = part;
    const type = (mimeType.split(";")[0] ?? "").trim().toLowerCase();
    const bytes = url?.startsWith("data:") ? /^data:[^,]*;base64,(.*)$/s.exec(url)?.[1] : base64;
    const source = bytes !== undefined ? { bytes } : url !== undefined && /^s3:\/\//.test(url) ? { s3Location: { uri: url } } : undefined;
    if (source !== undefined) {
      if (part.type === "image" && IMAGES[type]) return [{ image: { format: IMAGES[type], source } }];
      if (part.type === "video" && VIDEOS[type]) return [{ video: { format: VIDEOS[type], source } }];
      if (part.type === "audio" && SOUNDS[type] && !inResult) return [{ audio: { format: SOUNDS[type], source } }];
      const format = DOCUMENTS[type] ?? (/^text\/|^application\/(json|xml|yaml)|\+(json|xml)$/.test(type) ? "txt" : undefined);
      if (part.type === "file" && format !== undefined) return [{ document: { format, name: this.#title(part.title ?? part.name), source } }];
    }
    this.#unsupported.leave("messages", `a part of the kind ${part.type} as it stands: ${partLabel(part)}`);
    return text(`${partLabel(part)} cannot be sent over this connection.`);
  }

  /** Letters, digits, single spaces, hyphens, and round and square brackets are all that a document's name may have. */
  #title(given = "document"): string {
    const plain =
      given
        .replace(/[^A-Za-z0-9\s()[\]-]+/g, "-")
        .replace(/\s+/g, " ")
        .trim()
        .slice(0, 180) || "document";
    let title = plain;
    for (let n = 2; this.#titles.has(title); n++) title = `${plain} ${n}`;
    this.#titles.add(title);
    return title;
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

export const text = (said: string): Block[] => (/\S/.test(said) ? [{ text: said }] : []);
