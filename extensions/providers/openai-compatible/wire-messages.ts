import { type ModelMessage, originLine, type Part, partLabel, type ToolResultPart, textOf, toolCallsOf, toolResultsOf } from "@plinth/sdk";
import { type ToolNames, type Unsupported, urlOf } from "@plinth/sdk/kits/model-api";

/** What a server sent along with a part and wants back. */
export interface WireExtra {
  /** Of the message: what was thought, in the server's own form. */
  reasoning_details?: unknown[];
  /** Of a call, such as a thought's signature. */
  extra_content?: unknown;
}

const AUDIO: { readonly [mimeType: string]: string } = { "audio/wav": "wav", "audio/x-wav": "wav", "audio/mpeg": "mp3", "audio/mp3": "mp3" };

/** One message in the server's words. A tool's results are a message each. */
export function wireMessages({ role, content, origin }: ModelMessage, names: ToolNames, unsupported: Unsupported): object[] {
  if (role === "user") return [{ role, content: userContent(originLine({ role, content, ...(origin ? { origin } : {}) }), content, unsupported) }];
  if (role === "assistant") return assistantMessage(content, names);
  return toolResultsOf(content).map((result) => ({
    role,
    tool_call_id: result.callId,
    content: `${originLine(result)}${resultText(result, unsupported)}`,
  }));
}

/** Servers refuse one that is empty in every way, such as that of an aborted run. */
function assistantMessage(content: readonly Part[], names: ToolNames): object[] {
  const text = textOf(content);
  const calls = toolCallsOf(content).map(({ id, name, args, opaque }) => {
    const { extra_content } = (opaque?.data ?? {}) as WireExtra;
    const call = { id, type: "function", function: { name: names.wire(name), arguments: JSON.stringify(args) } };
    return extra_content === undefined ? call : { ...call, extra_content };
  });
  if (text === "" && calls.length === 0) return [];
  const details = content.flatMap((part) => (part.type === "reasoning" ? (((part.opaque?.data ?? {}) as WireExtra).reasoning_details ?? []) : []));
  return [
    {
      role: "assistant",
      content: text === "" ? null : text,
      ...(calls.length === 0 ? {} : { tool_calls: calls }),
      ...(details.length === 0 ? {} : { reasoning_details: details }),
    },
  ];
}

/** A plain text where there is nothing else: every server takes that. */
function userContent(origin: string, content: readonly Part[], unsupported: Unsupported): string | object[] {
  if (content.every(({ type }) => type === "text" || type === "opaque")) return `${origin}${textOf(content)}`;
  const parts = content.flatMap((part) => userPart(part, unsupported));
  return origin === "" ? parts : [{ type: "text", text: origin }, ...parts];
}

/** A part of a kind that is not known here is passed over. */
function userPart(part: Part, unsupported: Unsupported): object[] {
  switch (part.type) {
    case "text":
      return part.text === "" ? [] : [{ type: "text", text: part.text }];
    case "resource":
      return [{ type: "text", text: part.text ?? partLabel(part) }];
    case "image": {
      const url = urlOf(part);
      return url === undefined ? unsent(part, unsupported) : [{ type: "image_url", image_url: { url } }];
    }
    case "audio": {
      const format = AUDIO[part.mimeType];
      if (part.base64 === undefined || format === undefined) return unsent(part, unsupported);
      return [{ type: "input_audio", input_audio: { data: part.base64, format } }];
    }
    case "file": {
      if (part.base64 === undefined) return unsent(part, unsupported);
      return [{ type: "file", file: { filename: part.name ?? "file", file_data: urlOf(part) } }];
    }
    case "video":
      return unsent(part, unsupported);
    default:
      return [];
  }
}

/** Left out where the request allows that, with its name in its place. */
function unsent(part: Part, unsupported: Unsupported): object[] {
  unsupported.leave("messages", `a part of the kind ${part.type} as it stands: ${partLabel(part)}`);
  return [{ type: "text", text: `${partLabel(part)} cannot be sent over this connection.` }];
}

/** Results are text in this protocol: anything else is named, and the person sees it. */
function resultText({ content, isError }: ToolResultPart, unsupported: Unsupported): string {
  const parts = content.flatMap((part) => {
    if (part.type === "text") return [part.text];
    if (part.type === "resource" && part.text !== undefined) return [part.text];
    if (part.type === "opaque" || part.type === "citation") return [];
    unsupported.leave("messages", `a tool's result of the kind ${part.type}`);
    return [`${partLabel(part)} is shown to the person; this connection cannot send it to the model.`];
  });
  const text = parts.join("\n") || "(no output)";
  return isError ? `The call failed: ${text}` : text;
}
