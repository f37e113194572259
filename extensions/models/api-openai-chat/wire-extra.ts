/** What a server sent along with a part and wants back: the `data` of the part's `opaque`. */
export interface WireExtra {
  /** Of what was thought, by the field in which it came. */
  reasoning_content?: string;
  reasoning?: string;
  /** In OpenRouter's form. */
  reasoning_details?: unknown[];
  /** As parts of the content, in Mistral's form. */
  content?: string;
  /** In tags in the text. */
  think?: string;
  /** Of a call, such as Gemini's signature of a thought. */
  extra_content?: unknown;
}

/** The fields in which thinking comes as text. */
export type ThoughtField = "reasoning_content" | "reasoning" | "content" | "think";
