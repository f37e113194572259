import { type InteractionAnswer, type InteractionRequest, visible } from "@plinth/sdk";
import { ApprovalCard } from "./approval.ts";
import type { Card } from "./card.ts";
import { el } from "./dom.ts";
import type { Gateway } from "./gateway.ts";
import { QuestionCard } from "./question.ts";

interface Events {
  /** A card to be placed into its conversation, when that is on the page. */
  onAsked(card: Card): void;
  /** For those who listen instead of look. */
  onTold(text: string): void;
  /** A person wants to see another conversation. */
  onChoose(sessionKey: string): void;
}

type Change =
  | { state: "pending"; requests: InteractionRequest[] }
  | { state: "asked"; request: InteractionRequest }
  | { state: "answered"; request: InteractionRequest; answer: InteractionAnswer };

type Sort = "approvals" | "questions";
const sortOf = ({ kind }: InteractionRequest): Sort => (kind === "approval" ? "approvals" : "questions");

const GONE: InteractionAnswer = {
  answer: "cancelled",
  by: { role: "system", via: "page" },
  at: 0,
  why: "It waits no more; the history has what became of it.",
};

/** What waits for an answer, as the gateway says it: each question a card, live on every page. */
export class Asked {
  readonly #gateway: Gateway;
  readonly #events: Events;
  /** Where questions of other conversations are told. */
  readonly #elsewhere: HTMLElement;
  readonly #cards = new Map<string, Card>();

  constructor(gateway: Gateway, elsewhere: HTMLElement, events: Events) {
    this.#gateway = gateway;
    this.#elsewhere = elsewhere;
    this.#events = events;
  }

  /** Once for each connection; ends with it. */
  watch(): void {
    for (const sort of ["approvals", "questions"] as const)
      void this.#gateway.ask(`${sort}.watch`, {}, (change: Change) => this.#take(sort, change)).catch(() => {});
  }

  /** Those of a conversation that still wait, oldest first. */
  of(sessionKey: string): Card[] {
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

  #take(sort: Sort, change: Change): void {
    if (change.state === "pending") {
      const waiting = new Set(change.requests.map(({ id }) => id));
      for (const card of this.#cards.values()) if (sortOf(card.request) === sort && !card.isOver && !waiting.has(card.request.id)) card.settle(GONE);
      for (const request of change.requests) this.#card(request);
    } else if (change.state === "asked") this.#card(change.request);
    else {
      this.#card(change.request).settle(change.answer);
      this.#cards.delete(change.request.id);
      const done = sort === "approvals" ? "allowed" : "answered";
      this.#events.onTold(change.answer.answer === "chosen" ? `${done[0]?.toUpperCase()}${done.slice(1)}.` : `Not ${done}.`);
    }
  }

  #card(request: InteractionRequest): Card {
    const { id, digest } = request;
    const held = this.#cards.get(id);
    if (held !== undefined) return held;
    const isApproval = request.kind === "approval";
    const card = isApproval
      ? new ApprovalCard(request, (option) => this.#gateway.ask("approvals.answer", { id, option, digest }))
      : new QuestionCard(request, (said) => this.#gateway.ask("questions.answer", { id, digest, ...said }));
    this.#cards.set(id, card);
    this.#events.onAsked(card);
    const what = isApproval ? request.title : `${request.from} asks: ${request.message.slice(0, 200)}`;
    this.#events.onTold(`A question waits for your answer: ${visible(what)}`);
    return card;
  }
}
