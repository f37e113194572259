import type { CatalogTool, ToolAnswer, ToolCallInput, ToolQuestion } from "@plinth/sdk";

export type Answered = Pick<ToolAnswer, "id" | "answer" | "option" | "values">;

/** Takes what a tool asks to the owner. */
export class Questions {
  async ask(_tool: CatalogTool, _given: ToolCallInput, { id }: ToolQuestion, _signal: AbortSignal): Promise<Answered> {
    return { id, answer: "cancelled" };
  }
}
