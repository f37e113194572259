import { type ModelMessage, originLine, type Part, partLabel, type ToolResultPart, toolCallsOf, toolResultsOf } from "@plinth/sdk";
import { type ToolNames, type Unsupported, urlOf } from "@plinth/sdk/kits/model-api";
import type { Quirks, ReasoningField } from "./quirks.ts";
import type { ThoughtField, WireExtra } from "./wire-extra.ts";

const AUDIO: { readonly [mimeType: string]: string } = { "audio/wav": "wav", "audio/x-wav": "wav", "audio/mpeg": "mp3", "audio/mp3": "mp3" };
const FIELDS: readonly ThoughtField[] = ["reasoning_content", "reasoning", "content", "think"];

/** Turns messages into the server's words. */
export class WireMessages {
  readonly #names: ToolNames;
  readonly #unsupported: Unsupported;
  readonly #quirks: Quirks;

  constructor(names: ToolNames, unsupported: Unsupported, quirks: Quirks) {
    this.#names = names;
    this.#unsupported = unsupported;
    this.#quirks = quirks;
  }

  /** @param thinking whether what was thought in it goes back. A tool's results are a message each. */
  of(message: ModelMessage, thinking: "all" | "details" | "none"): object[] {
    const { role, content } = message;
    if (role === "user") return [{ role, content: this.#user(originLine(message), content) }];
    if (role === "assistant") return [this.#assistant(content, thinking)];
    return toolResultsOf(content).map((result) => ({
      role,
      tool_call_id: result.callId,
      content: `${originLine(result)}${this.#result(result)}`,
    }));
  }

  #assistant(content: readonly Part[], thinking: "all" | "details" | "none"): object {
    const calls = toolCallsOf(content).map(({ id, name, args, opaque }) => {
      const { extra_content } = (opaque?.data ?? {}) as WireExtra;
      const call = { id, type: "function", function: { name: this.#names.wire(name), arguments: JSON.stringify(args) } };
      return extra_content === undefined ? call : { ...call, extra_content };
    });
    const said = content.map((part) => {
      if (part.type === "text" || part.type === "refusal") return part.text;
      return part.type === "image" || part.type === "audio" || part.type === "file" || part.type === "video" ? partLabel(part) : "";
    });
    const { tags, thoughts, fields } = thinking === "none" ? NOTHING : thoughtsOf(content, this.#quirks.reasoningField, thinking === "all");
    const text = `${tags}${said.join("")}`;
    const plain = text === "" ? null : text;
    return {
      role: "assistant",
      content: thoughts.length === 0 ? plain : [...thoughts, ...(text === "" ? [] : [{ type: "text", text }])],
      ...(calls.length === 0 ? {} : { tool_calls: calls }),
      ...fields,
    };
  }

  /** A plain text where there is nothing else: every server takes that. */
  #user(origin: string, content: readonly Part[]): string | object[] {
    const isMarked = this.#quirks.cacheMarks && content.some(({ cache }) => cache);
    const isText = content.every(({ type }) => !MEDIA.has(type));
    const parts = content.flatMap((part) => this.#part(part));
    const texts = parts.map((part) => ("text" in part ? String(part.text) : ""));
    if (isText && !isMarked) return `${origin}${texts.join("")}`;
    return origin === "" ? parts : [{ type: "text", text: origin }, ...parts];
  }

  /** A part of a kind that is not known here is passed over. */
  #part(part: Part): object[] {
    const cache = this.#quirks.cacheMarks && part.cache ? CACHED : {};
    switch (part.type) {
      case "text":
        return part.text === "" ? [] : [{ type: "text", text: part.text, ...cache }];
      case "resource":
        return [{ type: "text", text: part.text ?? partLabel(part), ...cache }];
      case "image":
      case "audio":
      case "file":
      case "video": {
        const sent = this.#quirks.kinds.has(part.type) ? mediaPart(part) : undefined;
        return sent === undefined ? this.#unsent(part) : [{ ...sent, ...cache }];
      }
      default:
        return [];
    }
  }

  /** Left out where the request allows that, with its name in its place. */
  #unsent(part: Part): object[] {
    this.#unsupported.leave("messages", `a part of the kind ${part.type} as it stands: ${partLabel(part)}`);
    return [{ type: "text", text: `${partLabel(part)} cannot be sent over this connection.` }];
  }

  /** Results are text in this protocol: anything else is named, and the person sees it. */
  #result({ content, isError }: ToolResultPart): string {
    const parts = content.flatMap((part) => {
      if (part.type === "text") return [part.text];
      if (part.type === "resource" && part.text !== undefined) return [part.text];
      if (part.type === "opaque" || part.type === "citation") return [];
      this.#unsupported.leave("messages", `a tool's result of the kind ${part.type}`);
      return [`${partLabel(part)} is shown to the person; this connection cannot send it to the model.`];
    });
    const text = parts.join("\n") || "(no output)";
    return isError ? `The call failed: ${text}` : text;
  }
}

export const CACHED = { cache_control: { type: "ephemeral" } };
const MEDIA: ReadonlySet<string> = new Set(["image", "audio", "file", "video"]);
const NOTHING: ReturnType<typeof thoughtsOf> = { tags: "", thoughts: [], fields: {} };

function mediaPart(part: Extract<Part, { type: "image" | "audio" | "file" | "video" }>): object | undefined {
  const url = urlOf(part);
  if (url === undefined) return undefined;
  if (part.type === "image") return { type: "image_url", image_url: { url } };
  if (part.type === "video") return { type: "video_url", video_url: { url } };
  if (part.type === "file") {
    return part.base64 === undefined ? undefined : { type: "file", file: { filename: part.name ?? "file", file_data: url } };
  }
  const format = AUDIO[part.mimeType];
  return part.base64 === undefined || format === undefined ? undefined : { type: "input_audio", input_audio: { data: part.base64, format } };
}

/** What was thought, in the field that the server wants, else in the one in which it came. */
function thoughtsOf(
  content: readonly Part[],
  wanted: ReasoningField | undefined,
  all: boolean,
): { tags: string; thoughts: object[]; fields: object } {
  const extras = content.flatMap((part) => (part.type === "reasoning" ? [(part.opaque?.data ?? {}) as WireExtra] : []));
  const details = extras.flatMap(({ reasoning_details }) => (Array.isArray(reasoning_details) ? reasoning_details : []));
  const found = FIELDS.find((field) => extras.some((extra) => typeof extra[field] === "string"));
  const field = wanted === undefined || wanted === "reasoning_details" ? found : wanted;
  const text = extras.map((extra) => FIELDS.map((name) => extra[name]).find((one) => typeof one === "string") ?? "").join("");
  const kept = all && text !== "" && field !== undefined && !(wanted === "reasoning_details" && details.length > 0);
  const fields: Record<string, unknown> = details.length > 0 ? { reasoning_details: details } : {};
  if (kept && (field === "reasoning_content" || field === "reasoning")) fields[field] = text;
  return {
    fields,
    tags: kept && field === "think" ? `<think>\n${text.trim()}\n</think>\n\n` : "",
    thoughts: kept && field === "content" ? [{ type: "thinking", thinking: [{ type: "text", text }] }] : [],
  };
}
