import type { InteractionAnswer, InteractionRequest } from "@plinth/sdk";

/** What just appeared under the pointer has not been read. */
export const UNREAD_MS = 600;

/** One thing that is asked, in its conversation, until it is over. */
export interface Card {
  readonly request: InteractionRequest;
  readonly node: HTMLElement;
  isOver: boolean;
  settle(answer: InteractionAnswer): void;
}
