import { type ContentPart, visible } from "@plinth/sdk";
import { el } from "./dom.ts";
import { partNode } from "./part.ts";

interface Result {
  content: ContentPart[];
  isError?: boolean | undefined;
}

const MAX_TEXT = 20_000;

/** One tool call as a block that opens: what was asked, what came back. */
export class ToolCallView {
  readonly node: HTMLDetailsElement;
  readonly #status = el("span", { class: "tool-status" }, "running");

  constructor(name: string, args: Record<string, unknown>) {
    const values = Object.values(args).map((value) => (typeof value === "string" ? value : JSON.stringify(value)));
    this.node = el(
      "details",
      { class: "tool-call", "data-tool": name, "data-status": "running" },
      el(
        "summary",
        {},
        el("span", { class: "tool-name" }, visible(name, { max: 80 })),
        el("span", { class: "tool-preview" }, visible(values.join(" ").slice(0, 120))),
        this.#status,
      ),
      el("p", { class: "tool-label" }, "Arguments"),
      el("pre", { class: "tool-args", tabindex: "0" }, clip(JSON.stringify(args, null, 2))),
    );
  }

  finish({ content, isError }: Result): void {
    this.#set(isError === true ? "failed" : "done");
    this.node.append(el("p", { class: "tool-label" }, isError === true ? "Error" : "Result"));
    for (const part of content) {
      if (part.type === "text") this.node.append(el("pre", { class: "tool-result", tabindex: "0" }, clip(part.text)));
      else {
        const node = partNode(part);
        if (node !== undefined) this.node.append(node);
      }
    }
  }

  /** The turn ended first. */
  abandon(): void {
    if (this.node.dataset.status === "running") this.#set("stopped");
  }

  #set(status: string): void {
    this.node.dataset.status = status;
    this.#status.textContent = status;
  }
}

const clip = (text: string): string => {
  const shown = visible(text.slice(0, MAX_TEXT), { layout: true, max: MAX_TEXT });
  return text.length > MAX_TEXT ? `${shown}\n… ${text.length - MAX_TEXT} more characters` : shown;
};
