import type { InteractionRequest } from "@plinth/sdk";

/** Which of the two somebody wants to see: who knows approvals alone meets nothing else. */
export type Sort = "approvals" | "questions";

export const isOf = (sort: Sort, { kind }: InteractionRequest): boolean => (kind === "approval") === (sort === "approvals");
