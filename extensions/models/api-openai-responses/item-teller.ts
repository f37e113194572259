import type { ModelEvent, Part, PlinthError, ToolCallPart } from "@plinth/sdk";
import { argumentsOf, failure, unreadableCall, wellFormed } from "@plinth/sdk/kits/model-api";
import type { Kept } from "./items.ts";
import { citationOf, imageType } from "./wire-facts.ts";

/** One item of an answer, as far as it came. */
export interface Item {
  type?: string;
  id?: string;
  call_id?: string;
  name?: unknown;
  [field: string]: unknown;
}

export interface TellerOptions {
  /** Whose items these are. */
  vendor: string;
  /** The model that was asked. */
  model: string;
  /** The tool's name by the name that was sent. */
  toolNames: ReadonlyMap<string, string>;
}

const MAX_TOOL_CALLS = 128;

/** Calls that want an answer which nobody here can give: they were not offered. */
const NOT_OFFERED: ReadonlySet<string> = new Set([
  "custom_tool_call",
  "computer_call",
  "local_shell_call",
  "shell_call",
  "apply_patch_call",
  "mcp_approval_request",
  "tool_search_call",
]);

/** Tells whole items as parts, with what has to go back unchanged. */
export class ItemTeller {
  calls = 0;
  refused = false;
  /** The failure of the first call that was made and cannot be read. */
  unreadable: PlinthError | undefined;
  readonly serverTools: Record<string, number> = {};
  readonly #title: string;
  readonly #options: TellerOptions;
  readonly #ids = new Set<string>();
  /** How much text was told: places of citations count from its beginning. */
  #said = 0;

  constructor(title: string, options: TellerOptions) {
    this.#title = title;
    this.#options = options;
  }

  toolName(name: string): string {
    return this.#options.toolNames.get(name) ?? name;
  }

  tell(given: Item, { told, annotations }: { told: string; annotations: readonly unknown[] }, out: ModelEvent[]): void {
    const item = wellFormed(given);
    const { type = "" } = item;
    if (type === "message") return this.#message(item, told, annotations, out);
    if (type === "reasoning") return this.#reasoning(item, out);
    if (type === "function_call") return this.#call(item, out);
    if (type === "image_generation_call") return this.#image(item, out);
    if (NOT_OFFERED.has(type)) {
      const message = `${this.#title} called ${type.replace(/_call$|_request$/, "").replaceAll("_", " ")}, which it was not offered; that was passed over.`;
      out.push({ type: "warning", code: "PLINTH_MODEL_UNSUPPORTED", message, param: "tools" });
      return;
    }
    if (type === "" || type === "function_call_output") return;
    if (type.endsWith("_call")) this.#count(type.slice(0, -"_call".length).replaceAll("_", "-"));
    out.push({ type: "part", part: { type: "opaque", opaque: { data: this.#kept(item) } } });
  }

  #kept(item: Item, more: Partial<Kept> = {}): Kept {
    return { vendor: this.#options.vendor, model: this.#options.model, item: item as Kept["item"], ...more };
  }

  #message({ id, phase, content }: Item, told: string, annotations: readonly unknown[], out: ModelEvent[]): void {
    let [text, refusal] = ["", ""];
    const sources: { annotation: unknown; before: number }[] = [];
    for (const one of (Array.isArray(content) ? content : []) as Record<string, unknown>[]) {
      if (one?.type === "output_text" && typeof one.text === "string") {
        for (const annotation of (one.annotations as unknown[]) ?? []) sources.push({ annotation, before: this.#said + text.length });
        text += one.text;
      } else if (one?.type === "refusal" && typeof one.refusal === "string") refusal += one.refusal;
    }
    if (text === "") text = told;
    if (sources.length === 0) for (const annotation of annotations) sources.push({ annotation, before: this.#said });
    if (text !== "") {
      const item = { type: "message", ...(typeof id === "string" ? { id } : {}), ...(typeof phase === "string" ? { phase } : {}) };
      out.push({ type: "part", part: { type: "text", text, opaque: { data: this.#kept(item) } } });
    }
    for (const { annotation, before } of sources) {
      const part = citationOf(annotation, before);
      if (part) out.push({ type: "part", part });
    }
    this.#said += text.length;
    if (refusal === "") return;
    this.refused = true;
    out.push({ type: "part", part: { type: "refusal", text: refusal } });
  }

  #reasoning(item: Item, out: ModelEvent[]): void {
    const texts = (list: unknown) => (Array.isArray(list) ? list.flatMap((one) => (typeof one?.text === "string" ? [one.text as string] : [])) : []);
    const text = [...texts(item.summary), ...texts(item.content)].join("\n\n");
    const { status: _, ...kept } = item;
    out.push({ type: "reasoning", part: { type: "reasoning", ...(text === "" ? {} : { text }), opaque: { data: this.#kept(kept) } } });
  }

  #call(item: Item, out: ModelEvent[]): void {
    // It was cut in the middle: half a call is none.
    if (item.status === "incomplete") return;
    if (typeof item.name !== "string" || item.name === "") throw this.#broken("called a tool without naming it");
    if (++this.calls > MAX_TOOL_CALLS) throw this.#broken(`called more than ${MAX_TOOL_CALLS} tools at once`);
    const written = String(item.arguments ?? "");
    const given = typeof item.call_id === "string" && item.call_id !== "" ? item.call_id : item.id;
    const id = given === undefined || this.#ids.has(given) ? `call_${crypto.randomUUID()}` : given;
    this.#ids.add(id);
    const args = argumentsOf(written);
    if (args === undefined) {
      this.unreadable ??= unreadableCall(this.#title, { id, name: this.toolName(item.name) }, written);
      return;
    }
    const kept = this.#kept(
      { type: "function_call", ...(item.id === undefined ? {} : { id: item.id }), call_id: id },
      written === JSON.stringify(args) ? {} : { written },
    );
    const call: ToolCallPart = { type: "tool-call", id, name: this.toolName(item.name), args, opaque: { data: kept } };
    out.push({ type: "tool-call", call });
  }

  #image(item: Item, out: ModelEvent[]): void {
    const { result, ...rest } = item;
    this.#count("image-generation");
    if (typeof result !== "string" || !/^[A-Za-z0-9+/]+={0,2}$/.test(result)) return;
    const part: Part = { type: "image", mimeType: imageType(result, item.output_format), base64: result, opaque: { data: this.#kept(rest) } };
    out.push({ type: "part", part });
  }

  #count(name: string): void {
    this.serverTools[name] = (this.serverTools[name] ?? 0) + 1;
  }

  #broken(what: string): PlinthError {
    return failure("STREAM", `${this.#title} ${what}.`);
  }
}
