/** A start is bounded by its deadline only; a stream may go on for hours, and pays as it goes. */
export type Entry = "start" | "call" | "stream";

/** Something that is in the guest. */
export interface Visit {
  leave(): void;
  /** A stream gave an item: it goes on, as if it had just begun. */
  again?(): void;
}
