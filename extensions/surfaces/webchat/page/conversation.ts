import { type Part, textOf } from "@plinth/sdk";
import type { Card } from "./card.ts";
import { el } from "./dom.ts";
import { type Failure, type Gateway, LOST } from "./gateway.ts";
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
  /** What was sent before the connection broke, by run: whether it arrived is not known. */
  readonly #lost = new Map<string, string>();

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
      if (load === this.#loads && !this.running) this.#goOn(entries);
    } catch (failure) {
      this.stale = true;
      if (load !== this.#loads || this.running || this.node.childElementCount > 0) return;
      this.node.replaceChildren(failed(failure as Failure));
    }
    this.#events.onGrow();
  }

  /** Show what there is, and follow what of it still goes on: a turn does not end with the connection. */
  #goOn(entries: readonly any[]): void {
    const told = new Set(entries.map(({ runId }) => runId));
    const { runId } = entries.findLast(({ body }) => body.kind === "message") ?? {};
    const goesOn = runId !== undefined && !entries.some((entry) => entry.body.kind === "run-end" && entry.runId === runId);
    // Its events tell all of it but the message.
    this.#show(goesOn ? entries.slice(0, entries.findIndex((entry) => entry.runId === runId) + 1) : entries);
    if (goesOn) void this.#follow(runId, () => this.#show(entries));
    for (const [id, text] of this.#lost) {
      this.#lost.delete(id);
      if (told.has(id)) continue;
      this.node.querySelector(".welcome")?.remove();
      this.node.append(userMessage(text));
      void this.#follow(id, (turn) => turn.fail(LOST));
    }
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
    const message = userMessage(text);
    this.node.append(message);
    const runId = newId();
    await this.#run(async (turn) => {
      const sent = { text, sessionKey: this.key, suggestedBy, runId };
      const asked = this.#gateway.ask("chat.send", sent, (event) => {
        turn.add(event);
        if (event.type === "start" && event.origin !== undefined) markOrigin(message, event.origin);
        this.#events.onGrow();
      });
      await asked.catch((failure: Failure) => {
        if (failure.code !== LOST.code) throw failure;
        this.#lost.set(runId, text);
        turn.note("The connection was lost. What runs goes on, and is shown here when the page is connected again.");
      });
    });
  }

  /** @param unknown what to do where nobody knows of the run any more. */
  async #follow(runId: string, unknown: (turn: TurnView) => void): Promise<void> {
    await this.#run((turn) =>
      this.#gateway
        .ask("chat.follow", { runId }, ({ event }) => {
          turn.add(event);
          this.#events.onGrow();
        })
        .catch((failure: Failure) => {
          if (failure.code === "PLINTH_RUN_UNKNOWN") unknown(turn);
          else if (failure.code !== LOST.code) throw failure;
        }),
    );
  }

  /** One turn at the end of the conversation, as long as it is told of. */
  async #run(tell: (turn: TurnView) => Promise<unknown>): Promise<void> {
    const turn = this.#turn();
    this.node.append(turn.node);
    this.#running += 1;
    this.#turns.add(turn);
    this.#events.onRunning();
    this.#events.onGrow();
    try {
      await tell(turn);
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

/** Also where the page came over plain HTTP, and there is no `randomUUID`. */
const newId = (): string => `web-${Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, "0")).join("")}`;

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
