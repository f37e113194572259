import type { InteractionAnswer, InteractionRequest } from "@plinth/sdk";
import { ApprovalCard } from "./approval.ts";
import { el } from "./dom.ts";
import type { Gateway } from "./gateway.ts";

interface Events {
  /** A card to be placed into its conversation, when that is on the page. */
  onAsked(card: ApprovalCard): void;
  /** For those who listen instead of look. */
  onTold(text: string): void;
  /** A person wants to see another conversation. */
  onChoose(sessionKey: string): void;
}

type Change =
  | { state: "pending"; requests: InteractionRequest[] }
  | { state: "asked"; request: InteractionRequest }
  | { state: "answered"; request: InteractionRequest; answer: InteractionAnswer };

const GONE: InteractionAnswer = {
  answer: "cancelled",
  by: { role: "system", via: "page" },
  at: 0,
  why: "It waits no more; the history has what became of it.",
};

/** What waits for an answer, as the gateway says it: each question a card, live on every page. */
export class Approvals {
  readonly #gateway: Gateway;
  readonly #events: Events;
  /** Where questions of other conversations are told. */
  readonly #elsewhere: HTMLElement;
  readonly #cards = new Map<string, ApprovalCard>();

  constructor(gateway: Gateway, elsewhere: HTMLElement, events: Events) {
    this.#gateway = gateway;
    this.#elsewhere = elsewhere;
    this.#events = events;
  }

  /** Once for each connection; ends with it. */
  watch(): void {
    void this.#gateway.ask("approvals.watch", {}, (change: Change) => this.#take(change)).catch(() => {});
  }

  /** Those of a conversation that still wait, oldest first. */
  of(sessionKey: string): ApprovalCard[] {
    return [...this.#cards.values()].filter(({ request, isOver }) => request.sessionKey === sessionKey && !isOver);
  }

  /** Say where else something waits. */
  show(current: string): void {
    const waiting = [...this.#cards.values()].filter(({ request, isOver }) => request.sessionKey !== current && !isOver);
    const keys = [...new Set(waiting.map(({ request }) => request.sessionKey))];
    this.#elsewhere.replaceChildren(
      ...keys.map((key) => {
        const button = el("button", { type: "button", class: "quiet" }, `Asked in ${key}`);
        button.addEventListener("click", () => this.#events.onChoose(key));
        return button;
      }),
    );
  }

  #take(change: Change): void {
    if (change.state === "pending") {
      const waiting = new Set(change.requests.map(({ id }) => id));
      for (const card of this.#cards.values()) if (!card.isOver && !waiting.has(card.request.id)) card.settle(GONE);
      for (const request of change.requests) this.#card(request);
    } else if (change.state === "asked") this.#card(change.request);
    else {
      this.#card(change.request).settle(change.answer);
      this.#cards.delete(change.request.id);
      this.#events.onTold(change.answer.answer === "chosen" ? "Allowed." : "Not allowed.");
    }
  }

  #card(request: InteractionRequest): ApprovalCard {
    const { id, digest } = request;
    const held = this.#cards.get(id);
    if (held !== undefined) return held;
    const card = new ApprovalCard(request, (option) => this.#gateway.ask("approvals.answer", { id, option, digest }));
    this.#cards.set(id, card);
    this.#events.onAsked(card);
    this.#events.onTold(`A question waits for your answer: ${request.title}`);
    return card;
  }
}
