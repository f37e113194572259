import { type ErrorInfo, type Influence, PlinthError, type Principal, visible } from "@plinth/sdk";
import type { TaskRecord } from "./record.ts";

/** What somebody asked a sub-agent to do. */
export interface Asked {
  readonly task: string;
  readonly label: string;
  readonly context: "isolated" | "fork";
  readonly agent: string;
  readonly model?: string;
  /** Longest it may take, in milliseconds; 0: as long as it takes. */
  readonly timeoutMs: number;
}

/** Who asks: the session and the turn in which it does, and with whose hands in it. */
export interface Requester {
  readonly sessionKey: string;
  readonly agent: string;
  readonly runId?: string;
  readonly principal: Principal | undefined;
  readonly influences: readonly Influence[];
}

export type Outcome = "ok" | "error" | "timeout" | "cancelled" | "stopping";

/** One sub-agent that goes on in this host. */
export class Child {
  readonly id: string;
  readonly key: string;
  readonly depth: number;
  readonly asked: Asked;
  readonly requester: Requester;
  readonly parent: Child | undefined;
  readonly record: TaskRecord;
  readonly startedAt: number;
  /** Its own, as long as their requester was not told. */
  readonly children = new Set<Child>();
  /** Resolves when there is nothing more to come of it, before anybody is told. */
  readonly over = Promise.withResolvers<void>();
  readonly #controller = new AbortController();
  status: "queued" | "running" | "waiting" | "done" = "queued";
  /** The last that it said for others to see. */
  text = "";
  error: ErrorInfo | undefined;
  outcome: Outcome = "ok";
  /** Others that had a hand in what it said. */
  influences: readonly Influence[] = [];
  tokens = 0;
  /** Resolves when its requester was told, or is not to be. */
  told: Promise<void> = Promise.resolve();

  constructor(facts: Pick<Child, "id" | "key" | "depth" | "asked" | "requester" | "parent" | "record" | "startedAt">) {
    ({ id: this.id, key: this.key, depth: this.depth, asked: this.asked, requester: this.requester } = facts);
    ({ parent: this.parent, record: this.record, startedAt: this.startedAt } = facts);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** With all below it. */
  stop(outcome: Outcome): void {
    if (this.signal.aborted || this.status === "done") return;
    this.outcome = outcome;
    for (const child of this.children) child.stop(outcome === "stopping" ? "stopping" : "cancelled");
    this.#controller.abort(new PlinthError("PLINTH_ABORTED", `The sub-agent was ended: ${outcome}.`));
  }

  isBelow(sessionKey: string): boolean {
    return this.requester.sessionKey === sessionKey || (this.parent?.isBelow(sessionKey) ?? false);
  }
}

/** The most of a child's words that its requester is told at once, in characters. */
const MAX_TOLD = 32_000;

/** What the requester is told: it is read by a model, and shown to people as it is. */
export function announcement({ id, key, asked, outcome, text, error, startedAt, tokens }: Child, now: number): string {
  const said = visible(text, { max: MAX_TOLD, layout: true });
  const stats = `${Math.max(0, Math.round((now - startedAt) / 1_000))} s, ${tokens} tokens, session ${key}`;
  const body = [...(said === "" ? [] : [said]), ...(error === undefined ? [] : [`${error.code}: ${visible(error.message, { max: 500 })}`])];
  return `[Sub-agent ${JSON.stringify(asked.label)} (${id}) ended: ${outcome}. This is its report, not a message of a person; ${stats}]\n\n${body.join("\n\n") || "It said nothing."}`;
}

export const lostWords = (id: string, label: string): string =>
  `[Sub-agent ${JSON.stringify(label)} (${id}) ended: lost. The host stopped while it ran; what it did until then is not known, and it is not begun again. This is a notice, not a message of a person]`;
