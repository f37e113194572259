import type { Provider } from "@plinth/sdk";

/** What the host asks for: a program to open, and what an open one is told. */
export type Input = Parameters<Provider<"plinth.program-runner">["open"]>[0];
export type Message = Parameters<Provider<"plinth.program-runner">["send"]>[0]["message"];

/** What a program asked of the network. */
export interface Reach {
  reached: { what: string; bytes: number; refused?: unknown };
}
