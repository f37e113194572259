/** A piece of an answer, told apart. */
export interface Told {
  thought: string;
  text: string;
}

const OPEN = /^\s*<(think|thinking|thought|reasoning)>\s*/;
const TAGS = ["<think>", "<thinking>", "<thought>", "<reasoning>"];
const LONGEST = 64;

/**
 * Tells apart what a model thinks inline, in `<think>…</think>` at the beginning of its text, from what it says. Tags may be cut
 * anywhere. Tags elsewhere are text: a model may well write about them.
 */
export class ThinkTags {
  #state: "beginning" | "thinking" | "after" | "text" = "beginning";
  #held = "";
  #close = "</think>";
  /** Thinking began without a tag: without the closing one, it was the answer. */
  #assumed = false;
  #assumedText: string[] = [];

  /** @param open the opening tag stands in the template, not in the answer. */
  constructor(open: boolean) {
    this.#assumed = open;
  }

  push(piece: string): Told {
    const told: Told = { thought: "", text: "" };
    this.#take(this.#held + piece, told);
    return told;
  }

  /** What was held back, once nothing more comes. */
  end(): Told {
    const rest = this.#held;
    this.#held = "";
    if (this.#state !== "thinking") return { thought: "", text: rest };
    if (this.#assumed) return { thought: "", text: this.#assumedText.join("") + rest };
    return { thought: rest, text: "" };
  }

  #take(all: string, told: Told): void {
    this.#held = "";
    let text = all;
    if (this.#state === "beginning") {
      const opened = OPEN.exec(text);
      if (opened === null) {
        if (text.length < LONGEST && TAGS.some((tag) => tag.startsWith(text.trimStart()))) {
          this.#held = text;
          return;
        }
        this.#state = this.#assumed ? "thinking" : "text";
      } else {
        this.#state = "thinking";
        this.#assumed = false;
        this.#close = `</${opened[1]}>`;
        text = text.slice(opened[0].length);
      }
    }
    if (this.#state === "thinking") {
      const end = text.indexOf(this.#close);
      const kept = end >= 0 ? end : text.length - cutTag(text, this.#close);
      told.thought = text.slice(0, kept);
      if (this.#assumed) this.#assumedText.push(told.thought);
      if (end < 0) {
        this.#held = text.slice(kept);
        return;
      }
      this.#state = "after";
      text = text.slice(end + this.#close.length);
    }
    if (this.#state === "after") {
      text = text.trimStart();
      if (text === "") return;
      this.#state = "text";
    }
    told.text = text;
  }
}

/** How many characters at the end of a text may be the beginning of the tag. */
function cutTag(text: string, tag: string): number {
  for (let length = Math.min(tag.length - 1, text.length); length > 0; length--) if (text.endsWith(tag.slice(0, length))) return length;
  return 0;
}
