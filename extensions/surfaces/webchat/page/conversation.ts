import { type Part, textOf } from "@plinth/sdk";
import type { Card } from "./card.ts";
import { el } from "./dom.ts";
import type { Failure, Gateway } from "./gateway.ts";
import { partNode } from "./part.ts";
import { markOrigin, SUMMED_UP, TurnView, userMessage } from "./turn.ts";

interface Events {
  /** Something grew: keep the end in view. */
  onGrow(): void;
  /** A turn began or ended. */
  onRunning(): void;
  /** A turn ended, with all that was said: for those who listen instead of look. */
  onAnswer(text: string): void;
  /** What waits for an answer here. */
  waiting(): Card[];
}

/** One session on the page. It stays alive while another one is shown, so that its answers go on. */
export class Conversation {
  readonly key: string;
  readonly node = el("div", { class: "conversation" });
  readonly #gateway: Gateway;
  readonly #events: Events;
  /** Something may have been missed: the next load asks the gateway. */
  stale = true;
  #running = 0;
  #turns = new Set<TurnView>();
  #loads = 0;

  constructor(key: string, gateway: Gateway, events: Events) {
    this.key = key;
    this.#gateway = gateway;
    this.#events = events;
  }

  get running(): boolean {
    return this.#running > 0;
  }

  /** Show what the gateway remembers, once for each connection; while a turn runs here, what is shown is newer. */
  async load(): Promise<void> {
    if (this.running || !this.stale) return;
    this.stale = false;
    const load = ++this.#loads;
    try {
      const { entries } = await this.#gateway.ask<{ entries: any[] }>("chat.history", { sessionKey: this.key, limit: 200 });
      if (load === this.#loads && !this.running) this.#show(entries);
    } catch (failure) {
      this.stale = true;
      if (load !== this.#loads || this.running || this.node.childElementCount > 0) return;
      this.node.replaceChildren(failed(failure as Failure));
    }
    this.#events.onGrow();
  }

  /** Into the turn that waits for it where that runs here, else at the end. */
  place(node: HTMLElement): void {
    const [turn] = this.#turns;
    if (turn !== undefined) turn.place(node);
    else this.node.append(node);
    this.#events.onGrow();
  }

  async send(text: string, suggestedBy?: string): Promise<void> {
    this.node.querySelector(".welcome")?.remove();
    for (const old of this.node.querySelectorAll(".suggestions")) old.remove();
    const turn = this.#turn();
    const message = userMessage(text);
    this.node.append(message, turn.node);
    this.#running += 1;
    this.#turns.add(turn);
    this.#events.onRunning();
    this.#events.onGrow();
    try {
      await this.#gateway.ask("chat.send", { text, sessionKey: this.key, suggestedBy }, (event) => {
        turn.add(event);
        if (event.type === "start" && event.origin !== undefined) markOrigin(message, event.origin);
        this.#events.onGrow();
      });
    } catch (failure) {
      if ((failure as Failure).code !== "PLINTH_ABORTED") turn.fail(failure as Failure);
    }
    turn.end();
    this.#turns.delete(turn);
    this.#running -= 1;
    this.#events.onRunning();
    this.#events.onGrow();
    this.#events.onAnswer(turn.said);
  }

  async stop(): Promise<void> {
    await this.#gateway.ask("chat.abort", { sessionKey: this.key }).catch((failure: Failure) => {
      this.node.append(failed(failure));
      this.#events.onGrow();
    });
  }

  #turn(): TurnView {
    return new TurnView((text, by) => void this.send(text, by));
  }

  #show(entries: readonly any[]): void {
    const nodes: HTMLElement[] = [];
    let turn: TurnView | undefined;
    const answer = (): TurnView => {
      if (turn === undefined) {
        turn = this.#turn();
        nodes.push(turn.node);
      }
      return turn;
    };
    const close = (): void => {
      turn?.end();
      turn = undefined;
    };
    for (const { body, origin, runId } of entries) {
      if (body.kind === "command") {
        close();
        nodes.push(userMessage(body.command));
        answer().text(body.answer);
        answer().hands(origin);
        close();
      } else if (body.kind === "run-end") {
        if (body.status === "error") answer().fail(body.error ?? { code: "PLINTH_FAILED", message: "The turn failed." });
        else if (body.status !== "ok") answer().note(body.status === "aborted" ? "Stopped." : "The host stopped before the answer was finished.");
        else answer().hands(origin);
        close();
      } else if (body.kind === "compaction" && runId !== undefined) answer().note(SUMMED_UP);
      else if (body.kind !== "message") continue;
      else if (body.message.role === "user") {
        close();
        const message = userMessage(textOf(body.message.content), origin);
        message.append(...body.message.content.flatMap((part: Part) => (part.type === "text" ? [] : (partNode(part) ?? []))));
        nodes.push(message);
      } else for (const part of body.message.content) answer().part(part);
    }
    close();
    const waiting = this.#events.waiting().map(({ node }) => node);
    this.node.replaceChildren(...(nodes.length + waiting.length > 0 ? nodes : [welcome()]), ...waiting);
  }
}

function failed(failure: Failure): HTMLElement {
  const turn = new TurnView(() => {});
  turn.fail(failure);
  turn.end();
  return turn.node;
}

const welcome = (): HTMLElement =>
  el(
    "div",
    { class: "welcome" },
    el("h2", {}, "What shall we do?"),
    el(
      "p",
      {},
      "Ask for something in your own words, or type ",
      el("kbd", {}, "/"),
      " to see the commands. ",
      el("kbd", {}, "/help"),
      " explains them.",
    ),
  );
