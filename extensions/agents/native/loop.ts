import type {
  ModelMessage,
  ModelOptions,
  ModelsEvent,
  ModelTool,
  Part,
  ModelRequest as Request,
  SaidIn,
  ToolCallPart,
  ToolResult,
  TurnEvent,
  Usage,
} from "@plinth/sdk";
import type { ModelRequest } from "./model-request.ts";
import type { Bounds, Room } from "./room.ts";
import type { System } from "./system.ts";
import type { Tool } from "./tool.ts";
import type { Words } from "./words.ts";

export interface Limits {
  maxRounds: number;
  maxToolCalls: number;
  toolTimeoutMs: number;
  maxToolResultChars: number;
}

export interface LoopInput {
  runId: string;
  sessionKey: string;
  workspace: string;
  agent?: string;
  surface?: string;
  /** Where the message was said. */
  kind?: SaidIn;
  locale?: string;
  model: string;
  /** Asked in their order where that one cannot answer. */
  fallbacks?: string[];
  system: string[];
  history: ModelMessage[];
  /** true: the history is about to be longer than is handed over. false: it is its sender's own. */
  long?: boolean;
  thinking?: Request["thinking"];
  output?: Request["output"];
  options?: ModelOptions;
  /** Tools of whoever asked, who runs them. */
  tools?: ModelTool[];
  limits?: { rounds?: number; toolCalls?: number };
}

/** The tools of one model call. */
export interface TurnTools {
  /** Those that can be called, by name. */
  readonly all: ReadonlyMap<string, Tool>;
  /** Those that the model is told of: as many as its server takes. */
  readonly offered: readonly Tool[];
  /** Why each one is not there that was taken away, by name. */
  readonly withheld?: ReadonlyMap<string, string>;
}

/** A conversation made short. */
export interface Shorter {
  readonly messages: ModelMessage[];
  readonly told: TurnEvent;
}

/** Everything the loop reaches, injected: a test needs neither a host nor a network. */
export interface LoopParts {
  /** The answer of whichever model is meant by a name, from another where that one fails. */
  stream(model: string, request: ModelRequest, signal: AbortSignal): AsyncIterable<ModelsEvent>;
  /** How much fits the model. */
  room: Room;
  /** The model's context in tokens, as far as anybody knows it. */
  limit(signal: AbortSignal): Promise<number | undefined>;
  /** The conversation made short; undefined: nobody here does that. */
  compact(messages: readonly ModelMessage[], bounds: Bounds, signal: AbortSignal): AsyncGenerator<TurnEvent, Shorter | undefined>;
  instructions(signal: AbortSignal): Promise<{ system: System; warnings: TurnEvent[] }>;
  /** @param beside how many more tools the request has. */
  tools(beside: number, signal: AbortSignal): Promise<TurnTools>;
  /** Never throws: whatever goes wrong is a result that the model can read. */
  callTool(call: ToolCallPart, tool: Tool, signal: AbortSignal, tell: (event: TurnEvent) => void): Promise<ToolResult>;
  /** What is said into this turn while it runs. */
  words: Words;
}

export type LoopItem =
  | TurnEvent
  | { type: "message"; message: ModelMessage }
  | { type: "done"; text: string; content?: Part[]; model: string; usage?: Usage; reason?: "length" | "refusal" | "filter" | "rounds" }
  | { type: "done"; text: string; calls: ToolCallPart[]; model: string; usage?: Usage; reason: "tool-calls" };
