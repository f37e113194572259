import { isFor, type ModelMessage, originLine, type Part, partLabel, type ToolResultPart } from "@plinth/sdk";
import type { Unsupported } from "@plinth/sdk/kits/model-api";
import type { LetteredNames } from "./lettered-names.ts";

export type WirePart = Record<string, unknown>;

/** What is kept of a part that the model made, so that it goes back as it came. */
export interface Kept {
  /** Who made it, and with which model: no other can read a signature. */
  vendor: string;
  model: string;
  /** What of the wire's part ours does not say by itself; of one that is opaque, all of it. */
  part: WirePart;
}

export interface ContentRules {
  vendor: string;
  model: string;
  names: LetteredNames;
  unsupported: Unsupported;
  /** A call without a signature is refused. */
  signed: boolean;
  /** Pictures and files in results of tools are taken. */
  resultFiles: boolean;
}

export interface Content {
  role: "user" | "model";
  parts: WirePart[];
}

/** Stands for a signature where the call comes from another model: https://ai.google.dev/gemini-api/docs/thought-signatures */
const NO_SIGNATURE = "skip_thought_signature_validator";

/** The conversation in the protocol's words: https://ai.google.dev/api/caching#Content */
export function contentsOf(messages: readonly ModelMessage[], rules: ContentRules): Content[] {
  const ids = new Map<string, unknown>();
  const contents: (Content & { results?: boolean })[] = [];
  for (const message of messages) {
    const results = message.role === "tool";
    const parts = partsOf(message, rules, ids);
    const last = contents.at(-1);
    const role = message.role === "assistant" ? "model" : "user";
    if (parts.length === 0) continue;
    // All results of one round stand together, and nothing else beside them.
    if (last?.role === role && (last.results === true) === results) last.parts.push(...parts);
    else contents.push({ role, parts, ...(results ? { results } : {}) });
  }
  // Nothing of this protocol goes on by itself: the model is asked, whatever its last part was.
  if (contents.at(-1)?.role !== "user") contents.push({ role: "user", parts: [{ text: "Continue." }] });
  return contents.map(({ role, parts }) => ({ role, parts }));
}

function partsOf(message: ModelMessage, rules: ContentRules, ids: Map<string, unknown>): WirePart[] {
  if (message.role === "user") {
    const origin = originLine(message);
    const parts = message.content.filter((part) => isFor(part, "model")).flatMap((part) => inputPart(part, rules));
    return origin === "" ? parts : [{ text: origin }, ...parts];
  }
  if (message.role === "tool") return message.content.flatMap((part) => (part.type === "tool-result" ? [resultPart(part, rules, ids)] : []));
  return modelParts(message.content, rules, ids);
}

/** A kind that is not known here is passed over. */
function inputPart(part: Part, { unsupported }: ContentRules): WirePart[] {
  switch (part.type) {
    case "text":
      return part.text === "" ? [] : [{ text: part.text }];
    case "resource":
      return [{ text: part.text ?? partLabel(part) }];
    case "image":
    case "audio":
    case "video":
    case "file": {
      const sent = bytesPart(part);
      if (sent !== undefined) return [sent];
      unsupported.leave("messages", `a part of the kind ${part.type} as it stands: ${partLabel(part)}`);
      return [{ text: `${partLabel(part)} cannot be sent over this connection.` }];
    }
    default:
      return [];
  }
}

function bytesPart({ base64, url, mimeType }: { base64?: string | undefined; url?: string | undefined; mimeType: string }): WirePart | undefined {
  if (base64 !== undefined) return { inlineData: { mimeType, data: base64 } };
  return url === undefined ? undefined : { fileData: { ...(mimeType.endsWith("*") ? {} : { mimeType }), fileUri: url } };
}

function keptOf(part: Part, { vendor, model }: ContentRules): WirePart | undefined {
  const kept = part.opaque?.data as Kept | undefined;
  return kept?.vendor === vendor && kept.model === model && typeof kept.part === "object" ? kept.part : undefined;
}

/** What the model said, thought and called, in its order, each part with the signature that it came with. */
function modelParts(content: readonly Part[], rules: ContentRules, ids: Map<string, unknown>): WirePart[] {
  const parts: WirePart[] = [];
  for (const part of content) {
    const kept = keptOf(part, rules);
    switch (part.type) {
      case "text":
      case "refusal":
        if (part.text !== "") parts.push({ text: part.text, ...kept });
        break;
      case "reasoning":
        if (kept !== undefined) parts.push({ text: part.text ?? "", ...kept, thought: true });
        break;
      case "tool-call": {
        const { id, ...more } = kept ?? {};
        ids.set(part.id, id);
        const functionCall = { ...(id === undefined ? {} : { id }), name: rules.names.wire(part.name), args: part.args };
        parts.push({ functionCall, ...more });
        break;
      }
      case "opaque":
        if (kept !== undefined) parts.push(kept);
        break;
      case "image":
      case "audio":
      case "video":
      case "file":
        parts.push(part.base64 === undefined ? { text: partLabel(part) } : { ...bytesPart(part), ...kept });
        break;
    }
  }
  // The first call of a round has to be signed; those beside it need not.
  const first = parts.find((part) => part.functionCall !== undefined);
  if (rules.signed && first !== undefined && first.thoughtSignature === undefined) first.thoughtSignature = NO_SIGNATURE;
  return parts;
}

function resultPart(part: ToolResultPart, rules: ContentRules, ids: ReadonlyMap<string, unknown>): WirePart {
  const [texts, files]: [string[], WirePart[]] = [[], []];
  for (const one of part.content.filter((each) => isFor(each, "model"))) {
    if (one.type === "text") texts.push(one.text);
    else if (one.type === "resource") texts.push(one.text ?? partLabel(one));
    else if (one.type === "image" || one.type === "audio" || one.type === "video" || one.type === "file") {
      if (rules.resultFiles && one.base64 !== undefined) {
        files.push({ inlineData: { mimeType: one.mimeType, data: one.base64 } });
        continue;
      }
      rules.unsupported.leave("messages", `a tool's result of the kind ${one.type}`);
      texts.push(`${partLabel(one)} is shown to the person; this connection cannot send it to the model.`);
    }
  }
  const text = `${originLine(part)}${texts.join("\n") || (files.length > 0 ? "" : "(no output)")}`;
  const id = ids.get(part.callId);
  return {
    functionResponse: {
      ...(id === undefined ? {} : { id }),
      name: rules.names.wire(part.name),
      response: part.isError ? { error: text } : { output: text },
      ...(files.length === 0 ? {} : { parts: files }),
    },
  };
}
