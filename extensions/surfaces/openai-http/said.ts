import type { Part, ToolCallPart, Usage } from "@plinth/sdk";

export type CitationPart = Extract<Part, { type: "citation" }>;

export type EndReason = "stop" | "length" | "tool-calls" | "filter" | "refusal";

/** What becomes of a request, whoever answers it, in order. Exactly one `end` is the last. */
export type Said =
  | { type: "text"; delta: string }
  | { type: "refusal"; text: string }
  /** Of what is thought: a piece, or with `part` the whole of it, with what must go back to the model. */
  | { type: "thought"; delta: string }
  | { type: "thought"; part: Extract<Part, { type: "reasoning" }> }
  | { type: "call"; call: ToolCallPart }
  /** Where what was said comes from. */
  | { type: "cite"; citation: CitationPart }
  /** @property url with its bytes, or where they are. */
  | { type: "picture"; part: Part; url: string }
  /** What the model's vendor wants back and nobody is shown. */
  | { type: "hidden"; part: Part }
  /** Something goes on that no client is shown. */
  | { type: "busy" }
  /** A field of the request that was not used. */
  | { type: "ignored"; name: string }
  /** Who is asked, as provider/model; again where another one answers instead. */
  | { type: "model"; name: string }
  /** @property model who answered, where that is known by its name. */
  | { type: "end"; reason: EndReason; text: string; usage?: Usage; model?: string };
