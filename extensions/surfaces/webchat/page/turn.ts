import { changedBy, handsIn, type ShownOrigin, saidBy, visible } from "@plinth/sdk";
import { el } from "./dom.ts";
import type { Failure } from "./gateway.ts";
import { MarkdownView } from "./markdown.ts";
import { partNode } from "./part.ts";
import { ToolCallView } from "./tool-call.ts";

interface Suggestion {
  label: string;
  text: string;
}

/** What stands before it is sent to the model as a summary. */
export const SUMMED_UP = "The older part of this conversation is summed up for its model from here on; nothing is deleted.";

/** A message, and whose words it is where they are not just yours. */
export function userMessage(text: string, origin?: ShownOrigin): HTMLElement {
  const node = el("article", { class: "message user", "aria-label": "You" }, el("p", {}, text));
  if (origin !== undefined) markOrigin(node, origin);
  return node;
}

export function markOrigin(node: HTMLElement, origin: ShownOrigin): void {
  const who = saidBy(origin);
  const words = [who === "you" ? "" : `from ${who}, not from you`, changedBy(origin) ?? ""].filter((one) => one !== "").join("; ");
  if (words === "") return;
  if (who !== "you") {
    node.classList.add("other");
    node.setAttribute("aria-label", visible(who, { max: 80 }));
  }
  node.querySelector(".origin")?.remove();
  node.append(el("span", { class: "origin" }, visible(words, { max: 300 })));
}

/** The assistant's side of one turn, built from its events in order. */
export class TurnView {
  readonly node = el("article", { class: "message assistant", "aria-label": "Plinth", "aria-busy": "true" });
  readonly #onSuggestion: (text: string, by: string | undefined) => void;
  readonly #tools = new Map<string, ToolCallView>();
  readonly #waiting = el("p", { class: "progress" }, el("span", { class: "dots", "aria-hidden": "true" }), el("span", {}, "Working"));
  #text = "";
  #said = "";
  #view: MarkdownView | undefined;
  #thinking: HTMLElement | undefined;
  #frame = 0;

  constructor(onSuggestion: (text: string, by: string | undefined) => void) {
    this.#onSuggestion = onSuggestion;
    this.node.append(this.#waiting);
  }

  /** All that was said so far. */
  get said(): string {
    return this.#said;
  }

  add(event: any): void {
    switch (event.type) {
      case "text":
        this.text(event.delta);
        break;
      case "reasoning":
        this.#think(event.delta);
        break;
      case "part":
        this.part(event.part);
        break;
      case "progress":
        this.#waiting.lastElementChild!.textContent = visible(event.text, { max: 300 });
        break;
      case "warning":
        this.note(visible(event.message, { max: 1_000 }));
        break;
      case "compaction":
        this.note(SUMMED_UP);
        break;
      case "tool-start":
        this.toolStart(event.callId, event.name, event.args);
        break;
      case "tool-end":
        this.toolEnd(event.callId, event.name, event.result);
        break;
      case "suggest":
        this.#suggest(event.suggestions, event.by);
        break;
      case "end":
        if (this.#said === "" && event.text !== "") this.text(event.text);
        this.hands(event.origin);
        if (event.status === "aborted") this.note("Stopped.");
        else if (event.status === "error") this.fail(event.error ?? { code: "PLINTH_FAILED", message: "The turn failed." });
        this.end();
    }
  }

  /** A whole part at its place. A kind that is not known here is passed over. */
  part(part: any): void {
    switch (part.type) {
      case "text":
      case "refusal":
        if (part.text !== "") this.text(part.text);
        break;
      case "reasoning":
        if (part.text) this.#think(part.text);
        break;
      case "tool-call":
        this.toolStart(part.id, part.name, part.args);
        break;
      case "tool-result":
        this.toolEnd(part.callId, part.name, part);
        break;
      default: {
        const node = partNode(part);
        if (node !== undefined) this.place(node);
      }
    }
  }

  text(delta: string): void {
    if (this.#view === undefined) {
      this.#view = new MarkdownView();
      this.#text = "";
      this.#insert(this.#view.node);
      if (this.#said !== "") this.#said += "\n\n";
    }
    this.#text += delta;
    this.#said += delta;
    // At most once a frame, however fast the model is.
    this.#frame ||= requestAnimationFrame(() => this.#paint());
  }

  toolStart(callId: string, name: string, args: Record<string, unknown>): ToolCallView {
    this.#closeText();
    const view = new ToolCallView(name, args);
    this.#tools.set(callId, view);
    this.#insert(view.node);
    return view;
  }

  toolEnd(callId: string, name: string, result: Parameters<ToolCallView["finish"]>[0]): void {
    (this.#tools.get(callId) ?? this.toolStart(callId, name, {})).finish(result);
  }

  fail({ code, message, next, extension }: Failure): void {
    this.#closeText();
    this.#said += `${this.#said === "" ? "" : "\n\n"}${message} ${next ?? ""}`;
    this.#insert(
      el(
        "div",
        { class: "notice error" },
        el("p", {}, el("strong", {}, ...withCode(message))),
        next !== undefined && el("p", {}, ...withCode(next)),
        el("p", { class: "notice-code" }, visible(extension === undefined ? code : `${code} · ${extension}`, { max: 200 })),
      ),
    );
  }

  note(text: string): void {
    this.#closeText();
    this.#insert(el("p", { class: "notice" }, text));
  }

  /** Who else had a hand in the turn: what it may do by itself follows from that. */
  hands(origin: ShownOrigin | undefined): void {
    const names = handsIn(origin);
    if (names === undefined) return;
    this.#closeText();
    this.#insert(el("p", { class: "origin" }, `Not only you had a hand in this: ${visible(names, { max: 300 })}`));
  }

  end(): void {
    this.#closeText();
    this.#waiting.remove();
    for (const tool of this.#tools.values()) tool.abandon();
    this.node.setAttribute("aria-busy", "false");
  }

  /** A question that this turn waits for, or something else that belongs here. */
  place(node: HTMLElement): void {
    this.#closeText();
    this.#insert(node);
  }

  /** What a button sends is on the button. */
  #suggest(suggestions: readonly Suggestion[], by: string | undefined): void {
    const group = el("div", { class: "suggestions" });
    for (const { label, text } of suggestions) {
      const sent = visible(text, { lines: true });
      const button = el("button", { type: "button", class: "suggestion" }, el("span", {}, visible(label)), label !== text && el("code", {}, sent));
      button.addEventListener("click", () => {
        group.remove();
        this.#onSuggestion(text, by);
      });
      group.append(button);
    }
    if (by !== undefined && !by.startsWith("plinth.")) group.append(el("span", { class: "by" }, `suggested by ${visible(by)}`));
    this.place(group);
  }

  #think(delta: string): void {
    if (this.#thinking === undefined) {
      this.#closeText();
      this.#thinking = el("p", { class: "thinking-text" });
      this.#insert(el("details", { class: "thinking" }, el("summary", {}, "Thinking"), this.#thinking));
    }
    this.#thinking.append(visible(delta, { layout: true, max: Number.POSITIVE_INFINITY }));
  }

  #closeText(): void {
    if (this.#frame !== 0) cancelAnimationFrame(this.#frame);
    this.#paint();
    this.#view = undefined;
    this.#thinking = undefined;
  }

  #paint(): void {
    this.#frame = 0;
    this.#view?.show(this.#text);
  }

  #insert(node: HTMLElement): void {
    if (this.#waiting.isConnected || this.#waiting.parentNode === this.node) this.#waiting.before(node);
    else this.node.append(node);
  }
}

/** A text of the host's own, in which names and commands stand between backticks. Nothing else in it is markup. */
function withCode(text: string): (string | HTMLElement)[] {
  return visible(text)
    .split(/`([^`]+)`/)
    .map((piece, at) => (at % 2 === 1 ? el("code", {}, piece) : piece));
}
