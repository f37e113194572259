import type { Client, Context, TurnEvent } from "@plinth/sdk";
import type { LoopInput } from "./loop.ts";

export type ContextParts = Pick<Context, "use" | "lower" | "currentWork" | "log">;
export type Given = Awaited<ReturnType<Client<"plinth.context">["contribute"]>>["sections"][number];
export type Contributor = Awaited<ReturnType<ReturnType<Context["use"]>["list"]>>[number] & {
  descriptor: { order?: number; sees?: readonly string[]; files?: readonly string[] };
};
export type Warning = Extract<TurnEvent, { type: "warning" }>;
export type ContextTurn = Pick<LoopInput, "sessionKey" | "workspace" | "agent" | "surface" | "kind"> & Partial<Pick<LoopInput, "history">>;

/** A section as it is sent, and whose it is. */
export interface Contributed {
  readonly id: string;
  readonly text: string;
  readonly stability: Given["stability"];
  readonly by: string;
  /** Where it was cut: its characters before that. */
  readonly whole?: number;
}
