import { isFor, type ModelMessage, originLine, type Part, partLabel, type ToolCallPart, type ToolResultPart } from "@plinth/sdk";
import { type ToolNames, type Unsupported, urlOf } from "@plinth/sdk/kits/model-api";

/** What is kept of an item that the model made, so that it goes back as it came. */
export interface Kept {
  /** Who made it, and with which model: nobody else can read what is encrypted in it. */
  vendor: string;
  model: string;
  /** The item; of a message or a call only what the part does not say by itself. */
  item: { type: string; id?: string; [field: string]: unknown };
  /** Of a call: its arguments as they were written, where that is not how they are written here. */
  written?: string;
}

export interface ItemRules {
  vendor: string;
  model: string;
  names: ToolNames;
  unsupported: Unsupported;
  /** Encrypted reasoning and its items go back. */
  reasoning: boolean;
  itemIds: boolean;
  textResults: boolean;
  /** The model takes marks of where a prompt stays the same. */
  marks: boolean;
}

type Item = Record<string, unknown>;

const AUDIO: { readonly [mimeType: string]: string } = { "audio/wav": "wav", "audio/x-wav": "wav", "audio/mpeg": "mp3", "audio/mp3": "mp3" };
const MARK = { prompt_cache_breakpoint: { mode: "explicit" } };

/** The conversation as items of the protocol: https://platform.openai.com/docs/api-reference/responses/create, `input`. */
export function inputItems(messages: readonly ModelMessage[], rules: ItemRules): Item[] {
  const ids = callIds(messages, rules);
  return messages.flatMap((message) => {
    if (message.role === "user") return userItems(message, rules);
    if (message.role === "assistant") return modelItems(message.content, rules, ids);
    return message.content.flatMap((part) => (part.type === "tool-result" ? [resultItem(part, rules, ids)] : []));
  });
}

/** The ids of calls outside, by ours: the vendor's own where it made them, each once. */
function callIds(messages: readonly ModelMessage[], rules: ItemRules): Map<string, string> {
  const ids = new Map<string, string>();
  const used = new Set<string>();
  for (const { content } of messages) {
    for (const part of content) {
      if (part.type !== "tool-call") continue;
      const own = keptOf(part, rules)?.item.call_id;
      const id = typeof own === "string" && !used.has(own) ? own : part.id;
      used.add(id);
      ids.set(part.id, id);
    }
  }
  return ids;
}

function keptOf(part: Part, { vendor, model }: ItemRules): Kept | undefined {
  const kept = part.opaque?.data as Kept | undefined;
  return kept?.vendor === vendor && kept.model === model && typeof kept.item === "object" ? kept : undefined;
}

function userItems(message: ModelMessage, rules: ItemRules): Item[] {
  const origin = originLine(message);
  const content = message.content.filter((part) => isFor(part, "model")).flatMap((part) => inputContent(part, rules, "messages"));
  if (origin !== "") content.unshift({ type: "input_text", text: origin });
  return content.length === 0 ? [] : [{ type: "message", role: "user", content }];
}

/** One part as content of a message or of a tool's result; a kind that is not known here is passed over. */
function inputContent(part: Part, rules: ItemRules, param: string): Item[] {
  const mark = rules.marks && part.cache ? MARK : {};
  switch (part.type) {
    case "text":
      return part.text === "" ? [] : [{ type: "input_text", text: part.text, ...mark }];
    case "resource":
      return [{ type: "input_text", text: part.text ?? partLabel(part), ...mark }];
    case "image": {
      const url = urlOf(part);
      return url === undefined ? unsent(part, rules, param) : [{ type: "input_image", detail: "auto", image_url: url, ...mark }];
    }
    case "audio": {
      const format = AUDIO[part.mimeType];
      if (part.base64 === undefined || format === undefined) return unsent(part, rules, param);
      return [{ type: "input_audio", input_audio: { data: part.base64, format } }];
    }
    case "file": {
      const url = urlOf(part);
      if (url === undefined) return unsent(part, rules, param);
      if (part.url !== undefined) return [{ type: "input_file", file_url: url, ...mark }];
      return [{ type: "input_file", filename: part.name ?? "file", file_data: url, ...mark }];
    }
    case "video":
      return unsent(part, rules, param);
    default:
      return [];
  }
}

/** Left out where the request allows that, with its name in its place. */
function unsent(part: Part, { unsupported }: ItemRules, param: string): Item[] {
  unsupported.leave(param, `a part of the kind ${part.type} as it stands: ${partLabel(part)}`);
  return [{ type: "input_text", text: `${partLabel(part)} cannot be sent over this connection.` }];
}

/** What the model said, thought and called, in its order. */
function modelItems(content: readonly Part[], rules: ItemRules, ids: ReadonlyMap<string, string>): Item[] {
  const items: Item[] = [];
  // The server pairs a message or a call that has an id with the reasoning before it: without that, both go without.
  const reasoned = rules.reasoning && content.some((part) => part.type === "reasoning" && keptOf(part, rules) !== undefined);
  const idOf = (kept: Kept | undefined) => (reasoned && rules.itemIds && kept?.item.id !== undefined ? { id: kept.item.id } : {});
  const statusOf = (kept: Kept | undefined) => ("id" in idOf(kept) ? { status: "completed" } : {});
  for (const part of content) {
    const kept = keptOf(part, rules);
    switch (part.type) {
      case "text":
      case "refusal": {
        if (part.text === "") break;
        const said = part.type === "text" ? { type: "output_text", text: part.text, annotations: [] } : { type: "refusal", refusal: part.text };
        const phase = kept?.item.phase === undefined ? {} : { phase: kept.item.phase };
        const last = items.at(-1);
        if (last?.type === "message" && (kept === undefined || last.id === kept.item.id)) (last.content as Item[]).push(said);
        // A message without an id is one that the server did not make: it has no status either.
        else items.push({ type: "message", role: "assistant", ...statusOf(kept), ...idOf(kept), ...phase, content: [said] });
        break;
      }
      case "tool-call":
        items.push({ ...callItem(part, kept, rules, ids), ...idOf(kept) });
        break;
      case "reasoning":
      case "opaque":
        if (part.type === "reasoning" && !rules.reasoning) break;
        if (kept !== undefined) items.push(withoutId(kept.item, rules));
        break;
      case "image":
        // The server's own picture; where its bytes are not at hand, the model is told that there was one.
        if (kept !== undefined && part.base64 !== undefined) items.push(withoutId({ ...kept.item, result: part.base64 }, rules));
        else
          items.push({
            type: "message",
            role: "assistant",
            content: [{ type: "output_text", text: partLabel(part), annotations: [] }],
          });
        break;
    }
  }
  // An answer that was cut: reasoning that nothing follows is refused.
  while (items.at(-1)?.type === "reasoning") items.pop();
  return items;
}

function withoutId(item: Item, { itemIds }: ItemRules): Item {
  if (itemIds) return item;
  const { id: _, ...rest } = item;
  return rest;
}

function callItem({ id, name, args }: ToolCallPart, kept: Kept | undefined, { names }: ItemRules, ids: ReadonlyMap<string, string>): Item {
  const text = JSON.stringify(args);
  return {
    type: "function_call",
    call_id: ids.get(id) ?? id,
    name: names.wire(name),
    arguments: sameArguments(kept?.written, text) ? kept!.written : text,
  };
}

/** As the model wrote them they are found in the server's cache; what was changed since goes as it is now. */
function sameArguments(written: string | undefined, text: string): boolean {
  if (written === undefined) return false;
  try {
    return JSON.stringify(JSON.parse(written)) === text;
  } catch {
    return false;
  }
}

function resultItem(part: ToolResultPart, rules: ItemRules, ids: ReadonlyMap<string, string>): Item {
  const head = `${originLine(part)}${part.isError ? "The call failed: " : ""}`;
  const content = part.content.filter((one) => isFor(one, "model"));
  const call_id = ids.get(part.callId) ?? part.callId;
  const plain = content.every((one) => ["text", "resource", "opaque", "citation"].includes(one.type));
  if (plain || rules.textResults) return { type: "function_call_output", call_id, output: `${head}${resultText(content, rules)}` };
  const output = content.flatMap((one) => resultContent(one, rules));
  return { type: "function_call_output", call_id, output: head === "" ? output : [{ type: "input_text", text: head }, ...output] };
}

function resultText(content: readonly Part[], rules: ItemRules): string {
  const texts = content.flatMap((one) => {
    const [sent] = resultContent(one, { ...rules, textResults: true });
    return typeof sent?.text === "string" ? [sent.text] : [];
  });
  return texts.join("\n") || "(no output)";
}

/** Pictures and files only, and those that are at hand; the person sees the others. */
function resultContent(part: Part, rules: ItemRules): Item[] {
  const bytes = part.type === "image" || part.type === "audio" || part.type === "video" || part.type === "file";
  if (!bytes) return inputContent(part, rules, "messages");
  if (!rules.textResults && (part.type === "image" || part.type === "file") && urlOf(part) !== undefined)
    return inputContent(part, rules, "messages");
  rules.unsupported.leave("messages", `a tool's result of the kind ${part.type}`);
  return [{ type: "input_text", text: `${partLabel(part)} is shown to the person; this connection cannot send it to the model.` }];
}
