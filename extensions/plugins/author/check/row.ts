export type Status = "ok" | "warning" | "failed" | "skipped";

/** One check and what came of it. */
export interface Row {
  check: "manifest" | "contracts" | "types" | "compiles" | "tests" | "package" | "permissions" | "models" | "size" | "tier";
  /** Of which tier, when it is about one. */
  of?: string;
  status: Status;
  /** One line. */
  detail: string;
  /** More lines, the gravest first. */
  notes?: string[];
  next?: string;
  ms?: number;
}

export const failed = (check: Row["check"], error: { message: string; next?: string }, notes: string[] = []): Row => ({
  check,
  status: "failed",
  detail: error.message,
  notes,
  ...(error.next === undefined ? {} : { next: error.next }),
});
