import type { ContentPart, ModelMessage, ModelOptions, ModelTool, Quoted, SaidIn } from "@plinth/sdk";
import type { Share } from "./lanes.ts";

/** A message as it was handed over, on its way to its answer. */
export interface Submission {
  text: string;
  /** The message in parts, where it is more than text. */
  content?: ContentPart[];
  replyTo?: Quoted;
  externalId?: string;
  mode?: "followup" | "collect" | "interrupt" | "steer";
  /** Whose share of what runs at once it counts in; absent: main. */
  share?: Share;
  expectedHead?: string | null;
  sessionKey?: string;
  runId?: string;
  surface: string;
  sender?: string;
  kind?: SaidIn;
  model?: string;
  system?: string;
  detached?: boolean;
  suggestedBy?: string;
  /** The conversation before it, instead of what the session remembers. */
  history?: ModelMessage[];
  /** After the results that `history` ends with, and no stand-in for them. */
  said?: boolean;
  options?: ModelOptions;
  /** Of whoever asks, who runs them. */
  tools?: ModelTool[];
  commands?: boolean;
}

const STEER = /^\s*\/steer\s+(?=\S)/i;

/** `/steer TEXT` is TEXT in a mode of its own; no command, whatever it begins with. */
export function directed(input: Submission): Submission {
  const { text, content, history, commands } = input;
  const typed = content === undefined && history === undefined && commands !== false;
  return typed && STEER.test(text) ? { ...input, text: text.replace(STEER, ""), mode: "steer", commands: false } : input;
}
