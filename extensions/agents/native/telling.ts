import { type ToolItem, type TurnEvent, visible } from "@plinth/sdk";

/** Of one call; what is more is not shown. */
const MOST_EVENTS = 500;
const MOST_CHARS = 65_536;

/** What a running call tells, as events of the turn: text of others, made visible, and bounded. */
export class Telling {
  readonly #callId: string;
  readonly #name: string;
  readonly #tell: (event: TurnEvent) => void;
  #events = 0;
  #chars = 0;

  constructor(callId: string, name: string, tell: (event: TurnEvent) => void) {
    this.#callId = callId;
    this.#name = name;
    this.#tell = tell;
  }

  add(item: ToolItem): void {
    if (++this.#events > MOST_EVENTS) return;
    const callId = this.#callId;
    if (item.type === "progress") {
      const { text, done, total } = item;
      const said = text === undefined ? `${done ?? ""}${total === undefined ? "" : ` of ${total}`}` : visible(text, { max: 300 });
      const counts = { ...(done === undefined ? {} : { done }), ...(total === undefined ? {} : { total }) };
      this.#tell({ type: "progress", text: `${this.#name}: ${said}`, callId, ...counts });
    } else if (item.type === "output") {
      const text = visible(item.text.slice(0, MOST_CHARS - this.#chars), { max: MOST_CHARS, layout: true });
      this.#chars += item.text.length;
      if (text !== "") this.#tell({ type: "tool-output", callId, text });
    }
  }
}
