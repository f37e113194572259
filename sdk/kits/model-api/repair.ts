import type { ModelMessage } from "../../extension/index.ts";

export type RepairCode = "text" | "call-id" | "unanswered-call" | "orphan-result" | "empty" | "order" | "tools-as-text" | "result-media";

/** Something that was changed before it was sent. */
export interface Repair {
  code: RepairCode;
  /** Which message of the request as it was given; absent where it is about none of them. */
  message?: number;
  /** One sentence. */
  said: string;
}

/** A message on its way out, and which one of the given it comes from. */
export interface Placed {
  readonly message: ModelMessage;
  readonly from: number | undefined;
}

export const repair = (code: RepairCode, message: number | undefined, said: string): Repair => ({
  code,
  ...(message === undefined ? {} : { message }),
  said,
});

/** A name from outside, as a sentence may have it. */
export const named = (text: string): string => JSON.stringify(text.length > 64 ? `${text.slice(0, 64)}…` : text);
