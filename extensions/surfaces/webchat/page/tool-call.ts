import { visible } from "@plinth/sdk";
import { el } from "./dom.ts";

interface Result {
  content: ({ type: "text"; text: string } | { type: "image"; mimeType: string; base64: string })[];
  isError?: boolean | undefined;
}

const MAX_TEXT = 20_000;
const IMAGES = new Set(["image/png", "image/jpeg", "image/gif", "image/webp"]);

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
      else if (IMAGES.has(part.mimeType)) {
        this.node.append(el("img", { class: "tool-image", alt: "Image that the tool returned", src: `data:${part.mimeType};base64,${part.base64}` }));
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
